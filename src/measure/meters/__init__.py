"""Meters: programs started as `METER -o OUT.csv -i MS [-g] -- COMMAND...` that write EnergiBridge's CSV."""
