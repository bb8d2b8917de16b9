// A study in shards, by Nextflow:
//
//   nextflow run main.nf --study "$PWD/study.yaml" --results "$PWD/results" --shards 8
//
// Paths are absolute and on a file system that all machines see: the results of the shards
// lie in one folder, not in the work folders of Nextflow.

params.study = null
params.results = null
params.shards = 3

process SHARD {
    tag "${number}/${params.shards}"
    cpus 1
    memory '4 GB'
    errorStrategy 'retry'
    maxRetries 2

    input:
    val number

    output:
    val number

    // A shard with failed cases ends with 5 or 6, one without any case with 3. That it was
    // measured to its end is said by its file, which an interrupted one does not leave.
    script:
    """
    export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS=1
    file='${params.results}/shards/${number}-of-${params.shards}.json'
    rm -f "\$file"
    biomarker run '${params.study}' -o '${params.results}' --shard ${number}/${params.shards} \
        --jobs ${task.cpus} --quiet \
        || test -e "\$file"
    """
}

process MERGE {
    input:
    val shards

    // 5: the tables are there, and name the cases that failed.
    script:
    """
    biomarker merge '${params.results}' || test \$? -eq 5
    """
}

workflow {
    if (!params.study || !params.results) {
        error "name the study and the folder of its run: --study FILE --results FOLDER"
    }
    SHARD(Channel.of(1..params.shards))
    MERGE(SHARD.out.collect())
}
