/** Does nothing; at the `last` of its thread it takes the thread along. */
export default function nothing({ last }: { readonly last: boolean }): void {
  if (last) process.exit();
}
