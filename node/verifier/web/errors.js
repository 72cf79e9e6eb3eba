// Why something is refused, and where.

/** A value that the page refuses: a stable code (section 23 of docs/formats.md), where it is, and why in words. */
export class Refusal extends Error {
  constructor(code, where, reason) {
    super(`${code}: ${where}: ${reason}`);
    this.code = code;
    this.where = where;
    this.reason = reason;
  }
}

/** Bytes or text that are not the one encoding of a value. Whoever reads adds `where` on the way out. */
export class Malformed extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
    this.where = [];
  }

  /** The refusal of `whole` for this reason. */
  refusal(whole, code = "not_canonical") {
    return new Refusal(code, [whole, ...this.where].join("."), this.reason);
  }
}

/** Does `work`; what is malformed in it stands within the part `name` of something larger. */
export function within(name, work) {
  try {
    return work();
  } catch (fault) {
    if (fault instanceof Malformed) fault.where.unshift(name);
    throw fault;
  }
}

/** What the verifier was given cannot be used: a malformed genesis document, or a block that is named in no form. */
export class Unusable extends Error {}
