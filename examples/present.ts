/** The value, which has to be there: an error where it is null or undefined. */
export function present<T>(value: T): NonNullable<T> {
  if (value === undefined || value === null) throw new Error(`a value is missing: ${value}`);
  return value;
}
