"""Measurements that are no grid of runs."""

# a rule each, since each makes tables of its own
for name, analysis in study.analyses.items():

    rule:
        name:
            f"analysis_{name}"
        input:
            tensors=[paths.dataset.format(dataset=each) for each in analysis.dataset_names],
            cards=[paths.card.format(dataset=each) for each in analysis.dataset_names],
            tables=[table_path(each) for each in analysis.reads],
        output:
            tables=[table_path(f"{name}.{table}") for table in analysis.tables],
            csv=[table_path(f"{name}.{table}", "csv") for table in analysis.tables],
        log:
            paths.log("analysis", name),
        benchmark:
            paths.benchmark("analysis", name)
        conda:
            "../envs/unstuck.yaml"
        # seconds by the clock are measured on a machine that does nothing else
        threads: (lambda w: workflow.cores) if analysis.alone else 1
        resources:
            mem_mb=lambda w, attempt: attempt * study.execution.train_mb,
            runtime=lambda w, attempt: attempt * study.execution.train_minutes,
            gpu=study.execution.gpus,
            # and on Slurm a node
            slurm_extra="--exclusive" if analysis.alone else "",
        params:
            name=name,
            spec=digest(
                [
                    study.first_unit,
                    analysis.model_dump(mode="json", exclude={"description"}),
                ]
            ),
            code=code_of("analyse", analysis.module),
        message:
            f"Computing the analysis {name}"
        script:
            "../../scripts/analyse.py"
