/** A small sound task of its own words: add up a column of a file into a JSON file. */
export interface SumTask {
  readonly instruction: string;
  readonly input: { readonly path: string; readonly text: string };
  readonly output: string;
  readonly total: number;
}

const PLACES =
  'bakery,harbour,orchard,library,foundry,nursery,observatory,brewery,museum,quarry,bindery'.split(
    ',',
  );
const TOWNS =
  'Alder,Brindle,Corvo,Dunmere,Eastby,Fallow,Grint,Hollin,Isker,Jarrow,Kestle,Lorn,Mossley'.split(
    ',',
  );
const THINGS =
  'sacks of rye,coils of rope,crates of pears,boxed atlases,iron hinges,potted ferns,brass lenses,barrels of stout,glass slides,slabs of slate,reels of thread,tins of glue,bolts of felt,jars of honey,bundles of willow,rolls of copper,sheets of cork'.split(
    ',',
  );

/** Task n; every n has other words, so that none is a twin of another. */
export function sumTask(n: number): SumTask {
  const at = (list: readonly string[], step: number): string =>
    list[(n * step) % list.length] ?? '';
  const [place, town] = [at(PLACES, 3), at(TOWNS, 5)];
  const [one, two] = [at(THINGS, 7), at(THINGS, 7 + n + 1)];
  const path = `data/${town.toLowerCase()}-${n}.csv`;
  const output = `out/${place}-${n}.json`;
  const amounts = Array.from({ length: 5 }, (_, row) => ((n + 3) * (row + 2) * 17) % 89);
  const rows = amounts.map((amount, row) => `${row % 2 === 0 ? one : two},${amount}`);
  const forms = [
    `Our ${place} near ${town} counted ${one} and ${two} last autumn; the list is ${path}. Put the sum of its amounts into ${output} as one JSON object with the key total.`,
    `${path} has what the ${town} ${place} sold: mostly ${one}, some ${two}. Please write ${output}, a JSON object whose total is everything in the column amount added up.`,
    `For the yearly meeting in ${town} I need one number about the ${place}. Add the amounts of ${one} and ${two} in ${path} and save {"total": that number} to ${output}.`,
    `Somebody miscounted the ${one} (and maybe the ${two}) of the ${place} at ${town}. Sum the amount column of ${path} again; ${output} shall be JSON with total as its only key.`,
  ];
  return {
    instruction: forms[n % forms.length] ?? '',
    input: { path, text: `item,amount\n${rows.join('\n')}\n` },
    output,
    total: amounts.reduce((sum, amount) => sum + amount, 0),
  };
}

/** Reads the input again: right for whatever numbers stand there. */
export function soundVerifier({ input, output }: SumTask, extra = ''): string {
  return `import csv
import json
import pathlib
import sys

root = pathlib.Path(sys.argv[1])
try:
    with open(root / ${JSON.stringify(input.path)}, newline="", encoding="utf-8") as rows:
        expected = sum(int(row["amount"]) for row in csv.DictReader(rows))
    found = json.loads((root / ${JSON.stringify(output)}).read_text(encoding="utf-8"))
    right = isinstance(found, dict) and found.get("total") == expected
except (OSError, ValueError, KeyError):
    right = False
checks = {"total_right": 1.0 if right else 0.0}
${extra}
print(json.dumps(checks))
`;
}

/** @param added to the sum: 0 for a right one */
export function solutionScript({ input, output }: SumTask, added = 0): string {
  return `#!/bin/bash
set -eu
mkdir -p out
python3 - <<'PROGRAM'
import csv, json
with open(${JSON.stringify(input.path)}, newline="") as rows:
    total = sum(int(row["amount"]) for row in csv.DictReader(rows))
with open(${JSON.stringify(output)}, "w") as out:
    json.dump({"total": total + ${added}}, out)
PROGRAM
`;
}
