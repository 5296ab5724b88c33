"""Counts and stages of the logs that were stored before they were counted while they came."""

from django.db import migrations

from releases.logs.index import LogIndex


def index_logs(apps, schema_editor):
    """One build after another, one chunk at a time: memory is bounded by the longest chunk."""
    build_model, chunk_model = apps.get_model("releases", "Build"), apps.get_model("releases", "LogChunk")
    for pk in build_model.objects.filter(log_size__gt=0).values_list("pk", flat=True):
        index = LogIndex()
        chunks = chunk_model.objects.filter(build_id=pk).order_by("offset").values_list("pk", "first_line", "text")
        for chunk, first_line, text in chunks.iterator(chunk_size=1):
            found = index.take(text, first_line)
            if found.errors or found.warnings:
                chunk_model.objects.filter(pk=chunk).update(errors=found.errors, warnings=found.warnings)
        build_model.objects.filter(pk=pk).update(log_index=index.as_stored())


class Migration(migrations.Migration):

    dependencies = [
        ('releases', '0003_log_index'),
    ]

    operations = [
        migrations.RunPython(index_logs, migrations.RunPython.noop),
    ]
