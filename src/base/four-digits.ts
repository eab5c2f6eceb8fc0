/** Scores, shares and rates as the API has them: a decimal of four digits, for example "0.7500". */
export const fourDigits = (value: number): string => value.toFixed(4);
