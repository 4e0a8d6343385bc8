"""Statistics of the report: numbers of runs in, small frozen results out; which method is better, by how much, and
whether the counts allow to say so.

One rule holds everywhere: a value that is not finite (NaN, an infinity) is a failed or undefined run. It is worse than
every number, equal to every other failed run, and counted wherever a number cannot hold it. What an array's axes are
is in each docstring; `direction` says whether lower or higher is better."""
