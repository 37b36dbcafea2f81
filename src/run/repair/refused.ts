/** A repair that cannot be made of a plan, though the model and the options are right: other plans may be repaired. */
export class RefusedRepair extends RangeError {}
