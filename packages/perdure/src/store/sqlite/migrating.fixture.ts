/** Opens the file given, killing itself at the statement given. Arguments: the file, the number of the statement. */
import { killedAt } from "./killing-driver.fixture.ts";
import { openFile } from "./open.ts";

const [file = "", killAt = "0"] = process.argv.slice(2);
const { connection } = openFile(file, { driver: killedAt(Number(killAt)), warn: () => undefined });
connection.close();
