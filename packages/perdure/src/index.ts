export * from "./store/store.ts";
export * from "./task/record.ts";
