"""The words of a study once more, from its stored values, by pandas and numpy alone."""

from math import comb, inf, perm, pi, sqrt
from statistics import NormalDist
from zlib import crc32

import numpy as np
import pandas as pd

TAIL, RESAMPLES, NORMAL = 0.025, 9_999, NormalDist()
YES, NO = ["supported", "direction", "small"], ["no effect", "wrong direction", "contradicted"]
RANKS, OPEN = [*YES, "undecided", *NO], np.array([-inf, inf])


def resampled(units, name):  # [1 + B, U] rows: all units first, then resamples, alike by name
    draw = np.random.default_rng([0, crc32(name.encode())])
    counts = draw.multinomial(units, np.full(units, 1 / units), size=RESAMPLES)
    rows = np.repeat(np.tile(np.arange(units), RESAMPLES), counts.ravel())
    return np.vstack([np.arange(units), rows.reshape(-1, units)])


def ends(effect, draws, n, own=(), scale=1.0):  # expanded percentiles, or BCa's if further out
    if np.ptp(draws) <= 1e-12 * scale:  # all units have one value
        return np.sort([effect, effect * (2 * TAIL ** (1 / n) - 1)]) if n > 5 else OPEN
    df, found, angle = n - 3 if own else n - 1, [], np.linspace(-pi / 2, pi / 2, 400_001)
    mass = np.cumsum(np.cos(angle) ** (df - 1))  # density of t = sqrt(df) tan(angle)
    z = sqrt(df * n / (n - 1)) * np.tan(np.interp(TAIL, mass / mass[-1], angle))
    square, cube = (sum(((x - x.mean()) ** k).sum() / perm(len(x), k) for x in own) for k in (2, 3))
    for side in (1, -1):  # from below, and from above
        a, ordered = side * cube / (square or 1) ** 1.5 / 6, np.sort(side * draws)
        out = min(z, a + (a + z) / (1 - a * (a + z)))
        rank, normal = int(NORMAL.cdf(out) * (RESAMPLES + 1)), ordered.mean() + out * ordered.std()
        tail = [min(normal, ordered[0]), *ordered] if n > 9 else [normal]
        found.append(side * tail[min(rank, len(tail) - 1)])
    return np.array(found)


def mean_effect(arms):  # arms: weight, name of units, values [U, R], scores [U, R]
    draws, own = 0.0, {}
    for weight, name, values, scores in arms:
        mean, of_values = (v[resampled(len(v), name)].mean(axis=1) for v in (scores, values))
        best = np.isclose(mean, mean.min(axis=1, keepdims=True), rtol=1e-9, atol=0).argmax(axis=1)
        draws = draws + weight * of_values[np.arange(len(best)), best]
        own[name] = own.get(name, 0.0) + weight * values[:, best[0]]
    n, scale = min(map(len, own.values())), max(abs(arm[2]).max() for arm in arms)
    return ends(draws[0], draws[1:], n, own.values() if n > 9 else (), scale)


def correlation(places):  # Spearman over all points of a place, several a unit
    draws = 0.0
    for name, t in places:
        table = t[["value", "against"]].to_numpy().reshape(t.unit.nunique(), -1, 2)
        drawn = table[resampled(len(table), name)].reshape(RESAMPLES + 1, -1, 2)
        x, y = (pd.DataFrame(drawn[..., axis]).rank(axis=1) for axis in (0, 1))
        draws = draws + x.corrwith(y, axis=1).fillna(0.0).to_numpy() / len(places)
    return ends(draws[0], draws[1:], min(t.unit.nunique() for _, t in places))


def mean_share(truths):  # Clopper and Pearson's interval of each, combined by MOVER
    p, gaps = np.linspace(0, 1, 50_001), np.zeros(2)
    for side, true in ((s, t ^ bool(s)) for s in (0, 1) for t in truths):  # down, then up
        n, k = len(true), true.sum()
        tail = sum(comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(k, n + 1))
        gaps[side] += (k / n - np.interp(TAIL, tail, p) if k else 0.0) ** 2
    return 100 * (np.mean([*map(np.mean, truths)]) + [-1, 1] * np.sqrt(gaps) / len(truths))


def paired_share(one, other):  # Newcombe (1998), method 10
    n, z, gaps, cross = len(one), NORMAL.inv_cdf(TAIL), [], np.cov(one, other, bias=True)
    phi = max(cross[0, 1] - 0.5 / n, min(cross[0, 1], 0)) / (sqrt(cross[0, 0] * cross[1, 1]) or 1)
    for p in (one.mean(), other.mean()):  # Wilson's interval
        middle, half = p + z * z / 2 / n, z * sqrt(p * (1 - p) / n + (z / 2 / n) ** 2)
        gaps += [abs(p - (middle + side * half) / (1 + z * z / n)) for side in (1, -1)]
    a, b = np.array(gaps[:2]), np.array(gaps[:1:-1])
    return 100 * (one.mean() - other.mean() + [-1, 1] * np.sqrt(a * a - 2 * phi * a * b + b * b))


def position(ends_, d, claims):
    (low, high), inside = ends_, max(abs(ends_)) < d
    yes = {"equivalence": inside, "no worse": low > -d, "effect": low > d}[claims]
    no = high < -d or (claims == "equivalence" and low > d)
    cases = [("supported", yes), ("contradicted", no)]
    if claims == "effect":
        cases += [("small", inside and low > 0), ("direction", low > 0)]
        cases += [("no effect", inside), ("wrong direction", high < 0)]
    return next((word for word, holds in cases if holds), "undecided")


def judge(part, rows):  # the word of one primary comparison, before its named controls
    scaled, arms, halves = np.log if part.scale == "ratio" else np.asarray, [], {}
    d, less = scaled(part.margin), 0 if "reference" in set(rows.side) else scaled(part.reference)
    rows = rows.assign(value=scaled(rows.value) - less, against=part.sign * rows.against)
    last = rows[rows.chosen].sort_values(["unit", "pair", "side"])
    if part.statistic == "share":
        of = [
            [(t.value + less > 50).values for _, t in last.groupby(c)] for c in ("dataset", "side")
        ]
        span = mean_share(of[0]) - less if less else paired_share(*of[1])
        return position(span, d, part.claims)
    if part.statistic == "correlation":
        return position(correlation(last.groupby("dataset")), d, part.claims)
    for (p, _, w, side), r in rows.groupby(["dataset", "pair", "weight", "side"]):
        v, s = (r[c].fillna(0).to_numpy().reshape(r.unit.nunique(), -1) for c in ("value", "score"))
        arms.append((-w if side == "reference" else w, p, v, s))
        halves.setdefault(side, []).append((w, p, v[::2], s[::2]))
        halves[side].append((-w, p + " (reference)", v[1::2], s[1::2]))
    word = position(span := mean_effect(arms), d, part.claims)
    itself = [mean_effect(each) for each in halves.values() if part.units > 3]
    if any(min(abs(each)) > d and min(each) * max(each) > 0 for each in itself):
        return "invalid"
    if part.scale == "ratio" and (~last[last.side == "reference"].arrived).mean() > 0.05:
        return {"supported": "direction"}.get(word, "undecided" if word in YES[1:] else word)
    names = last.dataset.unique()
    apart = [len(names) * mean_effect([a for a in arms if a[1] == name]) for name in names]
    split = word == "supported" and any(position(e, d, part.claims) == NO[2] for e in apart)
    none = word in ("no effect", "supported") and (span[0] <= 0 or part.claims == "equivalence")
    blind = none and any(each[0] <= -2 * d for each in itself)
    return "undecided" if blind else "partly" if split else word


def words(values, lines, checks):  # the word of a claim, from the tables in its folder
    equals, bounds = checks["equals"].astype(float), checks[["at_least", "at_most"]].astype(float)
    room = checks.tolerance * equals.abs().where(checks.relative.astype(bool), 1)
    low, high = (equals - room).fillna(bounds.at_least), (equals + room).fillna(bounds.at_most)
    good = checks.value.between(low.fillna(-inf), high.fillna(inf))
    stored = (checks.n == 0) | (checks.word == "small")  # not judged, or by a second tolerance
    word = checks.word.where(stored, good.map({True: "supported", False: "contradicted"}))
    found = dict(checks.assign(word=word)[checks.role == "primary"][["line", "word"]].to_numpy())
    for part in lines[lines.role == "primary"].itertuples():
        rows = values[(values.line == part.line) & (values.role_of_line == "primary")]
        found[part.line] = judge(part, rows) if len(rows) else part.word
    factor, least = lines.scale == "ratio", lines.margin
    bad = (lines.low > least) | (lines.high < (1 / least).where(factor, -least))
    bad = bad.where(lines.expect == "none", lines.low <= factor) & (lines.role == "control")
    for part in {*lines.part[bad], *checks.part[(checks.role == "control") & ~good]}:
        found[part] = found[part] if found[part] == "not tested here" else "invalid"
    tested = {*found.values()} - {"not tested here"}
    if not tested or "invalid" in tested:
        return "invalid" if tested else "not tested here"
    split = tested & {*YES} and tested & {*NO}
    return "partly" if split or "partly" in tested else max(tested, key=RANKS.index)
