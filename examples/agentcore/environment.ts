/** @throws Error that names the variable */
export function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is missing in the environment.`);
  return value;
}
