// Plain JavaScript, for it must run on the old Node that it refuses.
const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  console.error(
    `The scripts of this repository need Node 24; this is Node ${process.versions.node}. ` +
      "Run: npm ci --include=optional (the lockfile holds a Node 24 for every platform), or put Node 24 first in PATH.",
  );
  process.exitCode = 1;
}
