/** Runs tasks, and takes up what a session of the Runtime left when it ended. Needs no port, and ends with no session. */
import app from "./trainer.ts";

await app.start({ role: "work" });
console.log("Working");
