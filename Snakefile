"""Why does training stop, and what gets it going again? See README.md."""

from snakemake.utils import min_version

min_version("9.14")

# a study given by --configfile stands alone; without one it is the default study
if not workflow.overwrite_configfiles:

    configfile: workflow.current_basedir.join("config.yaml").get_path_or_uri(secret_free=True)


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/measurements.smk"
include: "workflow/rules/experiments.smk"
include: "workflow/rules/analyses.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/report.smk"


# before any job, and never in a dry run: the results of others can be looked at
onstart:
    # a limit on submissions is for clusters; here it would wake the scheduler, to look at every file of
    # every waiting job, once a second for each job that has ended
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None
    try:
        take(study.results, study.title, source, code_of_all())
        # of a cluster the GPU is elsewhere
        if study.execution.device == "cuda" and workflow.local_exec:
            require_gpu()
        if study.execution.engine != "torch":
            load_kernel()
    except KernelError as error:
        if study.execution.engine == "lanes":
            raise WorkflowError(str(error)) from None
        logger.warning(f"Torch trains, not lanes, so the bits are this machine's. {error}")
    except UnstuckError as error:
        raise WorkflowError(str(error)) from None
    logs = [log for job in workflow.dag.needrun_jobs() for log in map(str, job.log)]
    watch(plan, judged, logs, logger.info)


# seconds each: on a cluster these run beside Snakemake itself
localrules:
    all,
    plan,
    answers,
    schemas,
    report,


# figures and answers of one section of the notes, such as `snakemake section_1_2`
for target, number in section_targets.items():

    rule:
        name:
            target
        input:
            [
                path.format(claim=claim)
                for claim, planned in judged.items()
                if planned.claim.section == number
                for path in (*paths.judged, *pictures)
            ],


rule all:
    default_target: True
    input:
        rules.report.output.folder,
        rules.answers.output,
        rules.plan.output.table,
        rules.schemas.output,
        lasting_files(),
