import datetime
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('environments', '0001_initial'),
        ('releases', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Train',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('state', models.CharField(choices=[('draft', 'draft'), ('running', 'running'), ('paused', 'paused'), ('done', 'done'), ('rolled_back', 'rolled back')], default='draft', editable=False, max_length=12)),
                ('test_verdict', models.CharField(blank=True, choices=[('passed', 'passed'), ('remarks', 'passed with remarks')], max_length=12)),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='reason')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('started_at', models.DateTimeField(editable=False, null=True)),
                ('ended_at', models.DateTimeField(editable=False, null=True)),
                ('created_by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('space', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='trains', to='environments.space')),
                ('started_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('started_by', None), ('state', 'draft')), models.Q(models.Q(('state', 'draft'), _negated=True), ('started_by__isnull', False)), _connector='OR'), name='only_a_draft_was_started_by_nobody'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('state__in', ['done', 'rolled_back'])), models.Q(models.Q(('state__in', ['done', 'rolled_back']), _negated=True), ('ended_at', None)), _connector='OR'), name='only_a_train_that_is_over_has_ended')],
            },
        ),
        migrations.CreateModel(
            name='TrainComment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField(max_length=4000, verbose_name='text')),
                ('named', models.JSONField(default=list)),
                ('written_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('author', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('train', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='comments', to='trains.train')),
            ],
            options={
                'ordering': ['-id'],
                'abstract': False,
                'indexes': [models.Index(fields=['train', '-id'], name='comments_of_a_train')],
            },
        ),
        migrations.CreateModel(
            name='TrainOrder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('wave', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)], verbose_name='wave')),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('deploying', 'being deployed'), ('succeeded', 'succeeded'), ('failed', 'failed'), ('skipped', 'skipped')], default='waiting', editable=False, max_length=12)),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='reason')),
                ('note', models.TextField(blank=True)),
                ('deployment', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='releases.deployment')),
                ('order', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='train_order', to='releases.releaseorder')),
                ('train', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='trains.train')),
                ('turn', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='releases.turn')),
                ('waits_for', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='waited_for_by', to='trains.trainorder')),
            ],
            options={
                'ordering': ['wave', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('waits_for', models.F('id')), _negated=True), name='no_order_waits_for_itself'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'deploying'), _negated=True), ('deployment__isnull', False), ('turn__isnull', False), _connector='OR'), name='what_is_deployed_by_a_train_has_its_deployment')],
            },
        ),
        migrations.CreateModel(
            name='TrainRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Waiting'), ('running', 'Running'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('errored', 'Platform error'), ('cancelled', 'Cancelled')], default='queued', max_length=16)),
                ('phase', models.CharField(default='start', max_length=32)),
                ('reason', models.CharField(blank=True, default='', max_length=64)),
                ('next_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True, editable=False)),
                ('wakes', models.PositiveIntegerField(default=0, editable=False)),
                ('lease_until', models.DateTimeField(default=datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), editable=False)),
                ('owner', models.CharField(blank=True, default='', editable=False, max_length=100)),
                ('fence', models.BigIntegerField(default=0, editable=False)),
                ('claims', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('remote', models.CharField(blank=True, db_index=True, default='', max_length=64)),
                ('contact_lost_since', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('started_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('finished_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('train', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='run', to='trains.train')),
            ],
            options={
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ['queued', 'running'])), fields=['state'], name='train_active')],
            },
        ),
    ]
