/** By the connection that listens the server itself knows whether a process is still there, before its lease is over. */
export const listeners = `
  ALTER TABLE @.processes ADD COLUMN listener integer; -- pid of its backend; NULL: none, or not known
`;
