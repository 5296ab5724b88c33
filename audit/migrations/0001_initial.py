import datetime
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='AuditLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sequence', models.BigIntegerField(unique=True)),
                ('event_id', models.BigIntegerField(unique=True)),
                ('previous_mac', models.CharField(max_length=64)),
                ('mac', models.CharField(max_length=64)),
                ('sealed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'ordering': ['sequence'],
            },
        ),
        migrations.CreateModel(
            name='AuditCheck',
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
                ('singleton', models.BooleanField(default=True, editable=False, unique=True)),
                ('checked', models.BigIntegerField(default=0, editable=False)),
                ('mac', models.CharField(blank=True, default='', editable=False, max_length=64)),
                ('verified_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('verified', models.BigIntegerField(default=0, editable=False)),
                ('waiting', models.IntegerField(default=0, editable=False)),
                ('problem', models.TextField(blank=True, default='', editable=False)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state__in', ['queued', 'running'])), fields=['state'], name='audit_check_active')],
                'constraints': [models.CheckConstraint(condition=models.Q(('singleton', True)), name='the_audit_check_is_one_row')],
            },
        ),
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('actor_id', models.CharField(max_length=64)),
                ('actor_name', models.CharField(max_length=150)),
                ('verb', models.CharField(max_length=64)),
                ('object_type', models.CharField(max_length=64)),
                ('object_id', models.CharField(blank=True, default='', max_length=64)),
                ('object_name', models.CharField(blank=True, default='', max_length=255)),
                ('project', models.CharField(blank=True, default='', max_length=100)),
                ('environment', models.CharField(blank=True, default='', max_length=100)),
                ('outcome', models.CharField(choices=[('done', 'Done'), ('refused', 'Refused')], default='done', max_length=8)),
                ('reason', models.CharField(blank=True, default='', max_length=500)),
                ('reason_message', models.TextField(blank=True, null=True)),
                ('before', models.TextField(blank=True, null=True)),
                ('after', models.TextField(blank=True, null=True)),
                ('request_number', models.CharField(blank=True, default='', max_length=32)),
                ('address', models.CharField(blank=True, default='', max_length=64)),
                ('mark', models.CharField(editable=False, max_length=96, unique=True)),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['project', '-id'], name='audit_by_project'), models.Index(fields=['actor_id', '-id'], name='audit_by_actor'), models.Index(fields=['object_type', 'object_id', '-id'], name='audit_by_object'), models.Index(fields=['object_name', '-id'], name='audit_by_name'), models.Index(fields=['verb', '-id'], name='audit_by_verb'), models.Index(fields=['request_number', '-id'], name='audit_by_request'), models.Index(fields=['at'], name='audit_by_time')],
            },
        ),
        migrations.CreateModel(
            name='SealRun',
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
                ('singleton', models.BooleanField(default=True, editable=False, unique=True)),
                ('head_logged_at', models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state__in', ['queued', 'running'])), fields=['state'], name='audit_seal_active')],
                'constraints': [models.CheckConstraint(condition=models.Q(('singleton', True)), name='the_audit_seal_is_one_row')],
            },
        ),
    ]
