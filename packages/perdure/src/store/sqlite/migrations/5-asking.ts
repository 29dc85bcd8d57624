/** Who puts a question to a person. */
export const asking = `
  ALTER TABLE operations ADD COLUMN asking TEXT; -- JSON {key, by, until, asked}, of a question
`;
