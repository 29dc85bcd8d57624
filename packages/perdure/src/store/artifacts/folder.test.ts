import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { artifactFile } from "./artifact-path.ts";
import { contentOf, describeArtifactStore, keyOf, put } from "./artifact-store.fixture.ts";
import { openFolderArtifacts, openTemporaryArtifacts } from "./folder.ts";

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "perdure-test-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describeArtifactStore("a folder", async () => openFolderArtifacts(join(folder(), "deep", "artifacts")));
describeArtifactStore("a temporary folder", async () => {
  const store = openTemporaryArtifacts();
  onTestFinished(() => store.close());
  return store;
});

describe("a folder of artifacts", () => {
  it("is this user's alone, with all that is in it", async () => {
    const place = join(folder(), "artifacts");
    const [store, key] = [openFolderArtifacts(place), keyOf()];
    await put(store, key);
    const task = join(place, key.taskId);
    expect([place, task, join(task, artifactFile(key))].map((path) => statSync(path).mode & 0o777)).toEqual([
      0o700, 0o700, 0o600,
    ]);
  });

  it("holds only names that were made here", async () => {
    const place = folder();
    const store = openFolderArtifacts(place);
    const key = keyOf({ name: "../../../etc/passwd" });
    await put(store, key);
    expect(readdirSync(place)).toEqual([key.taskId]);
    expect(readdirSync(join(place, key.taskId))).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.1$/)]);
  });

  it("is not made by who only looks", async () => {
    const place = join(folder(), "artifacts");
    const store = openFolderArtifacts(place);
    await store.sweep(keyOf().taskId, []);
    expect(await contentOf(store, keyOf())).toBeUndefined();
    expect(existsSync(place)).toBe(false);
  });

  it("follows no link: not to read, to write or to delete", async () => {
    const [place, elsewhere] = [folder(), folder()];
    const store = openFolderArtifacts(place);
    const key = keyOf();
    writeFileSync(join(elsewhere, artifactFile(key)), "secret");
    // A task's folder that is a link.
    symlinkSync(elsewhere, join(place, key.taskId));
    expect(await contentOf(store, key)).toBeUndefined();
    await expect(put(store, key)).rejects.toMatchObject({ code: "ARTIFACT_STORE" });
    await store.sweep(key.taskId, [keyOf({ ...key, attempt: 9 })]);
    expect(readdirSync(elsewhere)).toEqual([artifactFile(key)]);
    // A file that is one, under the temporary name or the last.
    mkdirSync(join(place, key.taskId));
    const file = join(place, key.taskId, artifactFile(key));
    for (const path of [file, `${file}.tmp`]) symlinkSync(join(elsewhere, artifactFile(key)), path);
    expect(await contentOf(store, key)).toBeUndefined();
    await put(store, key, "mine");
    expect(lstatSync(file).isFile()).toBe(true);
    expect(await contentOf(openFolderArtifacts(elsewhere), key)).toBeUndefined();
    expect(readdirSync(elsewhere)).toEqual([artifactFile(key)]);
  });

  it("where none can be made says so", async () => {
    const place = join(folder(), "file");
    writeFileSync(place, "");
    chmodSync(place, 0o600);
    await expect(put(openFolderArtifacts(place), keyOf())).rejects.toMatchObject({
      code: "ARTIFACT_STORE",
      message: expect.stringContaining(place) as string,
    });
  });

  it("that is temporary goes at the close", async () => {
    const store = openTemporaryArtifacts();
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith("perdure-artifacts-"));
    await put(store, keyOf());
    const made = readdirSync(tmpdir()).filter(
      (name) => name.startsWith("perdure-artifacts-") && !before.includes(name),
    );
    expect(made.length).toBeGreaterThan(0);
    await store.close();
    expect(made.filter((name) => existsSync(join(tmpdir(), name)))).toEqual([]);
  });
});
