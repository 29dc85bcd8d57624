/** The whole contract, theme by theme. */
import { artifactCases, artifactSweepCases, artifactSweepsAfterCrashCases } from "./artifacts.ts";
import { attachCases, exclusiveCases, sharedCases } from "./attach.ts";
import { backupCases } from "./backup.ts";
import { beginCases } from "./begin.ts";
import { callCases } from "./calls.ts";
import { cancelCases } from "./cancel.ts";
import { callCycleCases, childrenThatAskCases } from "./children-that-ask.ts";
import { claimAfterCrashCases } from "./claim-after-crash.ts";
import { claimCases } from "./claim.ts";
import { closeCases } from "./close.ts";
import { type ContractCase, describeCases, type StoreAdapter, type TestRunner } from "./contract.ts";
import { crashCases } from "./crash.ts";
import { createCases } from "./create.ts";
import { deadlineCases } from "./deadline.ts";
import { deleteCases } from "./delete.ts";
import { deliveryCases } from "./deliveries.ts";
import { childDeliveryCases } from "./deliveries-of-children.ts";
import { settledDeliveryCases } from "./deliveries-settled.ts";
import { endCases } from "./end.ts";
import { executorCases } from "./executor.ts";
import { expiryCases } from "./expiry.ts";
import { fencingCases } from "./fencing.ts";
import { idempotencyCases } from "./idempotency.ts";
import { limitCases, sharedLimitCases } from "./limits.ts";
import { listCases } from "./list.ts";
import { operationCases } from "./operations.ts";
import { ownerCases } from "./owner.ts";
import { ownerSlotCases } from "./owner-slots.ts";
import { parkCases } from "./park.ts";
import { pauseCases, sharedPauseCases } from "./pause.ts";
import { questionLeaseCases, sharedQuestionLeaseCases } from "./question-leases.ts";
import { questionCases } from "./questions.ts";
import { raceCases } from "./race.ts";
import { reportCases } from "./report.ts";
import { rejoinAfterDeathCases, rejoinCases } from "./rejoin.ts";
import { releaseCases, retryCases } from "./retry-release.ts";
import { savedStateCases } from "./saved-state.ts";
import { secretCases } from "./secrets.ts";
import { sessionCases } from "./sessions.ts";
import { signalCases } from "./signals.ts";
import { subscribeCases } from "./subscribe.ts";
import { textCases } from "./text.ts";
import { timelineCases } from "./timeline.ts";
import { turnCases } from "./turn.ts";
import { ownerTurnCases } from "./owner-turns.ts";
import { valueCases } from "./value.ts";
import { versionCases } from "./versions.ts";
import { waitRaceCases } from "./wait-races.ts";
import { waitCases } from "./waits.ts";
import { waitsAfterCrashCases } from "./waits-after-crash.ts";

export const storeContract: readonly ContractCase[] = [
  ...createCases,
  ...idempotencyCases,
  ...rejoinCases,
  ...rejoinAfterDeathCases,
  ...beginCases,
  ...operationCases,
  ...artifactCases,
  ...artifactSweepCases,
  ...artifactSweepsAfterCrashCases,
  ...savedStateCases,
  ...reportCases,
  ...endCases,
  ...retryCases,
  ...releaseCases,
  ...cancelCases,
  ...waitCases,
  ...parkCases,
  ...questionCases,
  ...questionLeaseCases,
  ...sharedQuestionLeaseCases,
  ...signalCases,
  ...callCases,
  ...callCycleCases,
  ...childrenThatAskCases,
  ...waitsAfterCrashCases,
  ...fencingCases,
  ...crashCases,
  ...ownerCases,
  ...listCases,
  ...timelineCases,
  ...deadlineCases,
  ...expiryCases,
  ...deleteCases,
  ...raceCases,
  ...waitRaceCases,
  ...turnCases,
  ...valueCases,
  ...textCases,
  ...subscribeCases,
  ...claimCases,
  ...claimAfterCrashCases,
  ...ownerTurnCases,
  ...ownerSlotCases,
  ...versionCases,
  ...pauseCases,
  ...sharedPauseCases,
  ...limitCases,
  ...sharedLimitCases,
  ...executorCases,
  ...sessionCases,
  ...deliveryCases,
  ...childDeliveryCases,
  ...settledDeliveryCases,
  ...secretCases,
  ...attachCases,
  ...exclusiveCases,
  ...sharedCases,
  ...backupCases,
  ...closeCases,
];

/**
 * Registers the contract with a test runner, under the store's name:
 * `describeStoreContract({ name: "my store", open, describe, it })`.
 */
export function describeStoreContract(options: StoreAdapter & TestRunner): void {
  describeCases(storeContract, options);
}

export type { ContractCase, ContractNeed, StoreAdapter, StoreUnderTest, TestRunner } from "./contract.ts";
