/** The MCP server: http://127.0.0.1:8000/mcp, and on AgentCore Runtime where it asks. */
import app from "./trainer.ts";

const { url } = await app.listen();
console.log(`Listening at ${url}`);
