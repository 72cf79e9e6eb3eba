// What was checked, step by step, so that whoever reads a verdict sees what it rests on.

/** How long a page may stand still, in milliseconds. */
const PATIENCE = 50;

/** The steps of one check, in the order in which they held. */
export class Trail {
  constructor(isSilent = false) {
    this.steps = [];
    this.isSilent = isSilent;
    this.rested = Date.now();
  }

  /** Notes that something held, in words. */
  note(words) {
    if (!this.isSilent) this.steps.push(words);
  }

  /** A trail that notes nothing: for what is checked so often that one note sums it up. */
  aside() {
    return new Trail(true);
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
