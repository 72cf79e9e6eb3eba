// What was checked, step by step, so that whoever reads a verdict sees what it rests on.

/** How long a page may stand still, in milliseconds. */
const PATIENCE = 50;

/** The steps of one check, in the order in which they held. */
export class Trail {
  constructor() {
    this.steps = [];
    this.rested = Date.now();
  }

  /** Notes that something held, in words. */
  note(words) {
    this.steps.push(words);
  }

  /** Lets a page answer whoever uses it, from time to time: long proofs are checked for minutes. */
  async breathe() {
    if (Date.now() - this.rested < PATIENCE) return;
    await new Promise((resume) => {
      setTimeout(resume, 0);
    });
    this.rested = Date.now();
  }
}

/** A number of things, in words: `1 seal`, `3 seals`. */
export function count(number, thing, things = `${thing}s`) {
  return `${number} ${Number(number) === 1 ? thing : things}`;
}
