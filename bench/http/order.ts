/** What every server here takes as the input of its tool. */
import { z } from "zod";

export const description = "Takes an order.";
export const order = z.object({ customer: z.string(), amount: z.number(), lines: z.array(z.string()) });
