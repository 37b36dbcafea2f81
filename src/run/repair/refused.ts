/** The model and the options allow no repair of this plan. Other plans may be repaired. */
export class RefusedRepair extends RangeError {}
