/** Which place an `artifacts` setting names. */
import { resolve } from "node:path";
import type { ArtifactStore } from "../store/artifacts/artifact-store.ts";
import { openFolderArtifacts } from "../store/artifacts/folder.ts";
import { openS3Artifacts } from "../store/artifacts/s3.ts";
import type { TaskStore } from "../store/store.ts";
import { PerdureError, quote } from "../task/errors.ts";

/** @throws PerdureError `INVALID_OPTION` */
export function openArtifacts(
  setting: string | ArtifactStore | undefined,
  store: TaskStore,
): ArtifactStore | undefined {
  if (typeof setting === "object") return setting;
  if (setting === undefined) return store.openArtifacts?.();
  if (setting === "database") return openInDatabase(store);
  if (setting.startsWith("s3://")) return openS3Artifacts(setting);
  if (setting === "" || /^[a-z][a-z0-9+.-]+:\/\//i.test(setting)) {
    throw new PerdureError("INVALID_OPTION", {
      message: `artifacts must be a folder, "s3://bucket/prefix", "database" or an ArtifactStore; ${quote(setting)} came.`,
    });
  }
  return openFolderArtifacts(resolve(setting));
}

function openInDatabase(store: TaskStore): ArtifactStore {
  const opened = store.openArtifacts?.("database");
  if (opened !== undefined) return opened;
  throw new PerdureError("INVALID_OPTION", {
    message: `artifacts: "database" needs a store on Postgres; ${store.location} keeps none.`,
  });
}
