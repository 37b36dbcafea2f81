export function total<K extends string>(samples: readonly { readonly [Key in K]: number }[], key: K): number {
  return samples.reduce((sum, sample) => sum + sample[key], 0);
}
