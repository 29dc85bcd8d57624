/**
 * `perdure init agentcore`: a project that runs on this machine and on AWS. Its files are those of `templates/agentcore`,
 * which stand there as they are checked; only names of places and parties are filled in, and no secret.
 */
import { constants, cp, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { CommandError, exitCodes } from "./exit.ts";
import type { Output } from "./output.ts";

export interface InitOptions {
  readonly name?: string;
  readonly region: string;
  readonly account?: string;
  readonly discoveryUrl?: string;
  readonly audience?: readonly string[];
  readonly client?: readonly string[];
}

type Values = Readonly<Record<string, string | readonly string[]>>;

/** Beside `src` and beside `dist`. */
const templates = new URL("../../templates/agentcore/", import.meta.url);
const manifest = new URL("../../package.json", import.meta.url);

/** Those with something to fill in. */
const filled = [
  "README.md",
  "package.json",
  "agentcore/agentcore.json",
  "agentcore/aws-targets.json",
  "agentcore/cdk/package.json",
];
/** npm leaves such files out of a package, or gives them a meaning there. */
const renamed = [
  ["_gitignore", ".gitignore"],
  ["_dockerignore", ".dockerignore"],
] as const;

/** What stands for a value that was not given; `agentcore validate` takes it, AWS does not. */
const examples = {
  account: "111122223333",
  discoveryUrl: "https://issuer.example/.well-known/openid-configuration",
};

/** @throws CommandError `usage` for a folder with something in it, or a value that AWS would refuse */
export async function initAgentCore(folder: string, options: InitOptions, out: Output): Promise<void> {
  const target = resolve(folder);
  const values = await valuesOf(target, options);
  await requireEmpty(target, folder);
  await mkdir(target, { recursive: true });
  await cp(fileURLToPath(templates), target, { recursive: true, mode: constants.COPYFILE_EXCL });
  for (const [from, to] of renamed) await rename(join(target, from), join(target, to));
  for (const file of filled) await fill(join(target, file), values);
  const open = missing(options);
  out.answer(
    { folder: target, name: values["name"] as string, missing: [...open] },
    [
      `${target} has the project. Its README.md goes on from here, with: npm install`,
      ...(open.length === 0 ? [] : [`Before it is deployed, put in by hand: ${open.join(", ")}.`]),
    ].join("\n"),
  );
}

async function valuesOf(target: string, options: InitOptions): Promise<Values> {
  const { region, account = examples.account, discoveryUrl = examples.discoveryUrl } = options;
  const name = options.name ?? basename(target).replaceAll(/[^A-Za-z0-9]/g, "");
  const wellKnown = "/.well-known/openid-configuration";
  check(
    /^[A-Za-z][A-Za-z0-9]{0,22}$/.test(name),
    "--name takes a letter and 22 letters or digits more",
    name,
  );
  check(/^[a-z]{2}(-[a-z]+)+-\d$/.test(region), "--region takes one like us-west-2", region);
  check(/^\d{12}$/.test(account), "--account takes the 12 digits of an AWS account", account);
  check(
    discoveryUrl.startsWith("https://") && discoveryUrl.endsWith(wellKnown) && URL.canParse(discoveryUrl),
    `--discovery-url takes an https URL that ends with ${wellKnown}`,
    discoveryUrl,
  );
  const { version } = JSON.parse(await readFile(manifest, "utf8")) as { readonly version: string };
  const { audience = [], client = [] } = options;
  return {
    name,
    region,
    account,
    discoveryUrl,
    packageName: name.toLowerCase(),
    perdureVersion: version,
    // One of them there must be.
    audience: audience.length + client.length === 0 ? [name] : audience,
    client,
  };
}

function check(isFit: boolean, expected: string, came: string): void {
  if (!isFit) throw new CommandError(exitCodes.usage, `${expected}; ${JSON.stringify(came)} came.`);
}

async function requireEmpty(target: string, folder: string): Promise<void> {
  let names: readonly string[];
  try {
    names = await readdir(target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    if (code !== "ENOTDIR") throw error;
    throw new CommandError(exitCodes.usage, `${folder} is a file; a new or an empty folder was expected.`);
  }
  if (names.length === 0) return;
  const found = names.slice(0, 3).join(", ") + (names.length > 3 ? ", …" : "");
  throw new CommandError(
    exitCodes.usage,
    `a new or an empty folder was expected; ${folder} has ${found} in it, and nothing was written. Name another: perdure init agentcore FOLDER`,
  );
}

/** In JSON a list that is to be filled in is `["{{values}}"]`, and one without values is left out. */
async function fill(file: string, values: Values): Promise<void> {
  const text = await readFile(file, "utf8");
  const inText = (part: string): string =>
    part.replaceAll(/\{\{(\w+)\}\}/g, (whole, name: string) => {
      const value = values[name];
      return typeof value === "string" ? value : whole;
    });
  if (!file.endsWith(".json")) return writeFile(file, inText(text));
  const inJson = (_: string, part: unknown): unknown => {
    if (typeof part === "string") return inText(part);
    const [, name = ""] = Array.isArray(part) ? (/^\{\{(\w+)\}\}$/.exec(String(part)) ?? []) : [];
    const list = values[name];
    if (!Array.isArray(list)) return part;
    return list.length === 0 ? undefined : list;
  };
  await writeFile(file, `${JSON.stringify(JSON.parse(text, inJson), undefined, 2)}\n`);
}

function missing({ account, discoveryUrl, audience, client }: InitOptions): readonly string[] {
  return [
    ...(account === undefined ? ["account (agentcore/aws-targets.json)"] : []),
    ...(discoveryUrl === undefined ? ["discoveryUrl (agentcore/agentcore.json)"] : []),
    ...(audience === undefined && client === undefined
      ? ["allowedAudience or allowedClients (agentcore/agentcore.json)"]
      : []),
  ];
}
