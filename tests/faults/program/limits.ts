/** How many deaths in a row the task `killer` is granted. */
export const crashLimit = 3;
