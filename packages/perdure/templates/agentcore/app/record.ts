/**
 * Where the tasks are kept. On AWS it is the Postgres of the stack, whose password is read from Secrets Manager when the
 * program starts: it stands in no file and in no setting. On a laptop `DATABASE_URL` or a file.
 */
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { TaskStore } from "perdure";
import { openPostgresStore } from "perdure/postgres";
import { z } from "zod";

/** What RDS writes into the secret of a cluster. */
const secretSchema = z.object({
  username: z.string(),
  password: z.string(),
  host: z.string(),
  port: z.number(),
  dbname: z.string(),
});

/** `undefined`: a file of the application's name in the user's state folder. */
export async function openRecord(): Promise<TaskStore | string | undefined> {
  const { DATABASE_SECRET: secret, DATABASE_URL: given, STORE: file } = process.env;
  const url = secret === undefined ? given : await urlOf(secret);
  // Each session of the Runtime is a process with a pool of its own: a small one.
  return url === undefined ? file : openPostgresStore({ url, maxConnections: 3 });
}

async function urlOf(secret: string): Promise<string> {
  const client = new SecretsManagerClient();
  const { SecretString: text } = await client.send(new GetSecretValueCommand({ SecretId: secret }));
  client.destroy();
  const { username, password, host, port, dbname } = secretSchema.parse(JSON.parse(text ?? "{}"));
  const url = new URL(`postgres://${host}:${port}/${dbname}`);
  url.username = username;
  url.password = encodeURIComponent(password);
  // The image has the certificates of RDS, by NODE_EXTRA_CA_CERTS.
  url.searchParams.set("sslmode", "verify-full");
  return url.href;
}
