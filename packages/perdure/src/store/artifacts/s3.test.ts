import { expect, it, onTestFinished } from "vitest";
import { contentOf, describeArtifactStore, keyOf, put } from "./artifact-store.fixture.ts";
import { openS3Artifacts } from "./s3.ts";
import { s3Bucket } from "./s3.fixture.ts";

describeArtifactStore("a bucket of S3", async () => {
  const store = openS3Artifacts(await s3Bucket());
  onTestFinished(() => store.close());
  return store;
});

it("keeps prefixes of one bucket apart", async () => {
  const url = await s3Bucket("a");
  const [one, other] = [openS3Artifacts(url), openS3Artifacts(url.replace("/a?", "/a/b?"))];
  const key = keyOf();
  await put(one, key, "one");
  await put(other, key, "other");
  await one.sweep(key.taskId, []);
  expect(await contentOf(one, key)).toBeUndefined();
  expect(await contentOf(other, key)).toBe("other");
});

it("says what is wrong with a bucket that is not there", async () => {
  const url = (await s3Bucket()).replace("//bucket/", "//nothing/");
  await expect(put(openS3Artifacts(url), keyOf())).rejects.toMatchObject({
    code: "ARTIFACT_STORE",
    message: expect.stringContaining("s3://nothing/some/where/: artifacts cannot be written") as string,
  });
});
