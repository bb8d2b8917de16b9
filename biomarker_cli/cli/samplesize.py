"""``biomarker samplesize``: how many subjects a trial needs with the noise that it has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from biomarker_cli.multicentre.losses import Loss
    from biomarker_cli.multicentre.planned_sizes import Noise, PlannedSize
    from biomarker_cli.multicentre.sample_size import TrialDesign

_EPILOG = """\b
Examples:
  biomarker samplesize --effect 0.5
  biomarker samplesize --repeatability rc.json --feature adc.intensity.median \\
      --change 20 --between-sd 25 --loss auto --run pool
  biomarker samplesize --wcv 12 --change -30 --between-sd 20 --sites 5 --icc 0.05
  biomarker samplesize --retest 25
"""


_OF_A_TRIAL = (
    *("--repeatability", "--feature", "--roi", "--wcv", "--change", "--between-sd", "--effect"),
    *("--power", "--alpha", "--arms", "--sites", "--icc", "--loss", "--run"),
)


@strict_command(
    epilog=_EPILOG,
    needs={
        "--feature": ("--repeatability", "--loss auto"),
        "--roi": "--repeatability",
        "--run": "--loss auto",
        "--repeats": "--retest",
        "--sites": "--icc",
    },
    excludes={
        "--retest": _OF_A_TRIAL,
        "--effect": ("--change", "--between-sd"),
    },
)
@click.option(
    "--repeatability",
    "known",
    metavar="FILE.json",
    type=click.Path(path_type=Path),
    help="As `biomarker repeatability -o` writes it.",
)
@click.option(
    "--feature", "features", metavar="PATTERN", multiple=True, help="Only these; repeat it."
)
@click.option("--roi", "rois", metavar="PATTERN", multiple=True, help="Only these; repeat it.")
@click.option("--wcv", metavar="PCT", type=float, help="Noise, where there is no file.")
@click.option("--change", metavar="PCT", type=float, help="Mean change to be seen.")
@click.option(
    "--between-sd",
    metavar="PCT",
    type=float,
    default=0.0,
    help="SD of the true changes of subjects.",
)
@click.option("--effect", metavar="D", type=float, help="Change over SD, in place of all these.")
@click.option("--power", type=float, default=0.8, show_default=True)
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Two-sided.")
@click.option(
    "--arms",
    type=click.IntRange(1, 2),
    default=2,
    show_default=True,
    help="2: arms compared; 1: change from baseline.",
)
@click.option("--sites", metavar="K", type=click.IntRange(1), help="Centres of the trial.")
@click.option(
    "--icc", metavar="R", type=float, default=0.0, help="Part of the variance that sites share."
)
@click.option(
    "--loss",
    metavar="auto|PCT",
    default="0",
    show_default=True,
    help="Subjects without a usable value; auto counts them in --run.",
)
@click.option(
    "--run", "folder", metavar="DIR", type=click.Path(path_type=Path), help="A run or a pool."
)
@click.option(
    "--retest",
    metavar="PCT",
    type=float,
    help="Subjects of a test-retest study: the true wSD is no more than this above the one found.",
)
@click.option(
    "--repeats",
    type=click.IntRange(2),
    default=2,
    show_default=True,
    help="Of each subject of the test-retest study.",
)
@format_option
def samplesize(output_format: str, **given: Any) -> None:
    """Tell how many subjects a trial, or a test-retest study, needs.

    The change of a subject is seen through the noise of two measurements; ratio
    features are taken by their logarithm. Sizes are those of t tests; sites inflate
    them by the design effect, lost subjects by what is lost. With the upper limit
    of the noise the size is what may be needed.
    """
    if given["retest"] is not None:
        _print_retest(given["retest"], given["repeats"], output_format)
        return
    from biomarker_cli.multicentre.sample_size import TrialDesign, sample_size

    _require_one_way(given)
    found = [] if given["effect"] is not None else _noises(given)
    loss = _loss(given, found)
    design = TrialDesign(
        power=given["power"],
        alpha=given["alpha"],
        arms=given["arms"],
        sites=given["sites"] or 0,
        icc=given["icc"],
        loss=loss if isinstance(loss, float) else loss.share.value,
    )
    if given["effect"] is not None:
        from dataclasses import asdict

        size = sample_size(given["effect"], design)
        if output_format == "json":
            print_json({"design": asdict(design), "sizes": [{"size": asdict(size)}]})
            return
        say(f"{counted(size.to_recruit, 'subject')}{_where(design)}")
        _print_steps(size.per_arm, size.with_sites, design)
        return
    from biomarker_cli.multicentre.planned_sizes import planned_sizes

    planned = list(planned_sizes(found, given["change"], given["between_sd"], design))
    _print(planned, design, loss, output_format)


def _require_one_way(given: dict[str, Any]) -> None:
    ways = [given["effect"] is not None, given["known"] is not None, given["wcv"] is not None]
    if sum(ways) != 1:
        raise click.UsageError("Say one of --repeatability, --wcv, --effect or --retest.")
    if given["effect"] is None and given["change"] is None:
        raise click.UsageError("Say the change to be seen with --change.")


def _noises(given: dict[str, Any]) -> list[Noise]:
    from biomarker_cli.multicentre.change import load_repeatability
    from biomarker_cli.multicentre.errors import SampleSizeError
    from biomarker_cli.multicentre.planned_sizes import noise_of_wcv, noises

    if given["known"] is not None:
        return noises(load_repeatability(given["known"]), given["features"], given["rois"])
    if not 0 < given["wcv"] < 1000:
        raise SampleSizeError(
            "SAMPLE-SIZE-ASKED", f"expected a wCV above 0 %, found {given['wcv']:g}"
        )
    return [noise_of_wcv(given["wcv"])]


def _loss(given: dict[str, Any], found: Sequence[Noise]) -> Loss | float:
    from biomarker_cli.multicentre.losses import loss_of

    if given["loss"] != "auto":
        try:
            return float(given["loss"].removesuffix("%")) / 100
        except ValueError as error:
            raise click.UsageError("--loss is auto, or a number of percent.") from error
    if given["folder"] is None:
        raise click.UsageError("--loss auto counts in a run: name it with --run.")
    features = {noise.feature_id for noise in found} - {""} or set(given["features"])
    if not features:
        raise click.UsageError("--loss auto counts the values of a feature: name it by --feature.")
    rois = {noise.roi_id for noise in found}
    return loss_of(given["folder"], features, rois.pop() if len(rois) == 1 else "")


def _where(design: TrialDesign) -> str:
    return " in each arm" if design.arms == 2 else ""


def _print(
    planned: Sequence[PlannedSize], design: TrialDesign, loss: Loss | float, output_format: str
) -> None:
    from dataclasses import asdict

    if output_format == "json":
        told: dict[str, Any] = {"design": asdict(design), "sizes": [p.as_json() for p in planned]}
        if not isinstance(loss, float):
            told["loss"] = {"lost": loss.n_lost, "of": loss.n_subjects} | asdict(loss.share)
        print_json(told)
        return
    table = Listing(
        "", ("feature", "roi", "noise %", "effect", "subjects", "upper", "no noise"), ("subjects",)
    )
    for one in planned:
        table.add_row(
            one.noise.feature_id or "-",
            one.noise.roi_id or "all",
            f"{100 * one.noise.wsd_log.value:.1f}",
            f"{one.size.effect:.3f}",
            str(one.size.to_recruit),
            "-" if one.upper is None else str(one.upper.to_recruit),
            "-" if one.without_noise is None else str(one.without_noise.to_recruit),
        )
    table.print()
    say(f"subjects to recruit{_where(design)}, power {design.power:g}, alpha {design.alpha:g}")
    if not isinstance(loss, float):
        share = loss.share
        value, low, high = (100 * (part or 0.0) for part in (share.value, share.low, share.high))
        lost = f"{loss.n_lost} of {counted(loss.n_subjects, 'subject')}"
        say(f"lost: {lost}, {value:.1f} % (95 % {low:.1f} to {high:.1f} %)")
    if any(one.upper is not None for one in planned):
        say("upper: with the upper 95 % limit of the noise")


def _print_steps(alone: int, with_sites: int, design: TrialDesign) -> None:
    if with_sites != alone or design.loss:
        say(f"{alone} with every value, {with_sites} with {counted(design.sites or 1, 'site')}")


def _print_retest(percent: float, repeats: int, output_format: str) -> None:
    from biomarker_cli.multicentre.repeatability import upper_factor
    from biomarker_cli.multicentre.sample_size import retest_subjects

    n = retest_subjects(percent, repeats)
    factor = upper_factor(n * (repeats - 1))
    if output_format == "json":
        print_json({"subjects": n, "repeats": repeats, "upper_factor": factor})
        return
    say(
        f"{counted(n, 'subject')}, measured {repeats} times each: with 95 % confidence the true "
        f"wSD is no more than {100 * (factor - 1):.1f} % above the one found"
    )
