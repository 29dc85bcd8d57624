import { describe, expect, it } from "vitest";
import { openSqliteStore } from "../../store/sqlite/index.ts";
import { type ContractCase, type ContractNeed, describeCases, type StoreUnderTest } from "./contract.ts";
import { storeContract } from "./index.ts";

/** A runner that notes what is registered, as `group > name`, and runs it when asked. */
function notingRunner() {
  const path: string[] = [];
  const registered = new Map<string, () => Promise<void>>();
  return {
    registered,
    describe(name: string, body: () => void) {
      path.push(name);
      body();
      path.pop();
    },
    it(name: string, run: () => Promise<void>) {
      registered.set([...path, name].join(" > "), run);
    },
  };
}

const caseOf = (name: string, needs?: ContractNeed): ContractCase => ({
  group: "group",
  name,
  run: async () => {},
  ...(needs !== undefined && { needs }),
});

/** Notes when it is disposed of. */
function storeInMemory(disposed: string[] = []): StoreUnderTest {
  const store = openSqliteStore({ file: ":memory:" });
  return { store, dispose: () => store.close().then(() => void disposed.push("disposed")) };
}

describe("the contract of a store", () => {
  it("is registered under the name of the store, in groups", () => {
    const { registered, ...runner } = notingRunner();
    describeCases([caseOf("a"), caseOf("b")], { name: "mine", open: async () => storeInMemory(), ...runner });
    expect([...registered.keys()]).toEqual([
      "TaskStore contract: mine > group > a",
      "TaskStore contract: mine > group > b",
    ]);
  });

  it("leaves out cases that need what the adapter does not offer", () => {
    const cases = [caseOf("always"), caseOf("after death", "reopen"), caseOf("beside", "attach")];
    const namesWith = (offers?: readonly ContractNeed[]) => {
      const { registered, ...runner } = notingRunner();
      const adapter = {
        name: "mine",
        open: async () => storeInMemory(),
        ...(offers !== undefined && { offers }),
      };
      describeCases(cases, { ...adapter, ...runner });
      return [...registered.keys()].map((path) => path.split(" > ").at(-1));
    };
    expect(namesWith()).toEqual(["always"]);
    expect(namesWith(["attach"])).toEqual(["always", "beside"]);
    expect(namesWith(["attach", "reopen"])).toEqual(["always", "after death", "beside"]);
  });

  it("opens a store for each case and disposes of it, also when the case fails", async () => {
    const disposed: string[] = [];
    const { registered, ...runner } = notingRunner();
    const fails: ContractCase = { ...caseOf("fails"), run: () => Promise.reject(new Error("no")) };
    const open = async () => storeInMemory(disposed);
    describeCases([caseOf("passes"), fails], { name: "mine", open, ...runner });
    const [passing, failing] = [...registered.values()];
    await passing?.();
    expect(disposed).toHaveLength(1);
    await expect(failing?.()).rejects.toThrow("no");
    expect(disposed).toHaveLength(2);
  });

  it("has 90 cases and more for every store, and each a name of its own", () => {
    expect(storeContract.filter(({ needs }) => needs === undefined).length).toBeGreaterThan(90);
    const names = storeContract.map(({ group, name }) => `${group} > ${name}`);
    expect(new Set(names).size).toBe(names.length);
  });
});
