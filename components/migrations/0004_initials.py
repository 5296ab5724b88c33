from django.db import migrations, models

from components.initials import initials


def fill(apps, schema_editor):
    """Versions from before: few thousand rows, each name spelt once."""
    rows = apps.get_model("components", "ComponentSettings").objects.exclude(name_zh="")
    for name in rows.values_list("name_zh", flat=True).distinct().order_by():
        rows.filter(name_zh=name).update(initials=initials(name))


class Migration(migrations.Migration):

    dependencies = [("components", "0003_one_global_template_per_name")]

    operations = [
        migrations.AddField(
            model_name="componentsettings",
            name="initials",
            field=models.TextField(blank=True, default="", editable=False),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
