import datetime
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Group',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.CharField(max_length=63, unique=True, validators=[django.core.validators.RegexValidator('\\A[a-z0-9]+(?:-+[a-z0-9]+)*\\Z', 'Lower-case letters, digits and single hyphens only: it becomes part of image names and namespaces.')], verbose_name='short name')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('name_en', models.CharField(blank=True, max_length=120, verbose_name='name in English')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                'ordering': ['slug'],
            },
        ),
        migrations.CreateModel(
            name='Cluster',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('secret_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('slug', models.CharField(max_length=63, unique=True, validators=[django.core.validators.RegexValidator('\\A[a-z0-9]+(?:-+[a-z0-9]+)*\\Z', 'Lower-case letters, digits and single hyphens only: it becomes part of image names and namespaces.')], verbose_name='short name')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('in_cluster', models.BooleanField(default=False, verbose_name='the cluster that this platform runs in')),
                ('url', models.CharField(blank=True, max_length=300, verbose_name='API server URL')),
                ('ca_pem', models.TextField(blank=True, verbose_name='CA certificate (PEM)')),
                ('token', models.TextField(blank=True, default='', verbose_name='token')),
                ('client_cert_pem', models.TextField(blank=True, verbose_name='client certificate (PEM)')),
                ('client_key_pem', models.TextField(blank=True, default='', verbose_name='client key (PEM)')),
                ('tls_server_name', models.CharField(blank=True, max_length=253, verbose_name='TLS server name')),
                ('verify_tls', models.BooleanField(default=True, verbose_name='verify the certificate')),
                ('registries', models.JSONField(blank=True, default=list, verbose_name='extra image registries allowed')),
                ('is_archived', models.BooleanField(default=False, verbose_name='archived')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                'ordering': ['slug'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('in_cluster', True)), fields=('in_cluster',), name='the_own_cluster_is_one_row', violation_error_message='Another row is the cluster that this platform runs in.'), models.CheckConstraint(condition=models.Q(models.Q(('in_cluster', True), ('url', '')), models.Q(('url', ''), _negated=True), _connector='OR'), name='a_cluster_has_an_address_or_is_our_own')],
            },
        ),
        migrations.CreateModel(
            name='ClusterContact',
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
                ('cluster', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='contact', to='environments.cluster')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ClusterTest',
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
                ('facts', models.JSONField(default=dict)),
                ('message', models.TextField(blank=True)),
                ('namespace', models.CharField(blank=True, max_length=63)),
                ('cluster', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tests', to='environments.cluster')),
                ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='DayCalendar',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('dates', models.JSONField(default=list)),
                ('uploaded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('project', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='calendars', to='accounts.project')),
                ('uploaded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Environment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.CharField(max_length=20, unique=True, validators=[django.core.validators.RegexValidator('\\A[a-z0-9]+(?:-+[a-z0-9]+)*\\Z', 'Lower-case letters, digits and single hyphens only: it becomes part of image names and namespaces.')], verbose_name='short name')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('name_en', models.CharField(blank=True, max_length=60, verbose_name='name in English')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                ('is_production', models.BooleanField(default=False, verbose_name='production')),
                ('is_archived', models.BooleanField(default=False, editable=False, verbose_name='archived')),
                ('follows', models.ManyToManyField(blank=True, help_text='An order may come here once it succeeded in one of these.', related_name='followed_by', to='environments.environment', verbose_name='follows')),
                ('twin', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='twins', to='environments.environment', verbose_name='twin of')),
            ],
            options={
                'ordering': ['position', 'slug'],
            },
        ),
        migrations.CreateModel(
            name='GroupMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('added_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('added_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='environments.group')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='group_members', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['user__username'],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('developer', 'developer'), ('tester', 'tester'), ('operations', 'operations'), ('project_admin', 'project administrator'), ('platform_admin', 'platform administrator'), ('auditor', 'auditor'), ('grant', 'grant'), ('break_glass', 'break-glass')], max_length=20, verbose_name='role')),
                ('starts_at', models.DateTimeField(blank=True, null=True, verbose_name='from')),
                ('ends_at', models.DateTimeField(blank=True, null=True, verbose_name='until')),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='reason')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('environment', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='environments.environment', verbose_name='environment')),
                ('granted_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='grants_given', to=settings.AUTH_USER_MODEL)),
                ('group', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='environments.group', verbose_name='group')),
                ('project', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='accounts.project', verbose_name='project')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'ordering': ['user__username', 'group__slug', 'role'],
            },
        ),
        migrations.CreateModel(
            name='NodeObservation',
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
                ('nodes', models.JSONField(default=list)),
                ('seen_at', models.DateTimeField(null=True)),
                ('message', models.TextField(blank=True)),
                ('cluster', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='node_observation', to='environments.cluster')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Space',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('namespace', models.CharField(max_length=63, validators=[django.core.validators.RegexValidator('\\A[a-z0-9]+(?:-+[a-z0-9]+)*\\Z', 'Lower-case letters, digits and single hyphens only: it becomes part of image names and namespaces.')], verbose_name='namespace')),
                ('cpu_request_ceiling', models.PositiveBigIntegerField(blank=True, null=True, verbose_name='CPU requests ceiling (millicores)')),
                ('cpu_limit_ceiling', models.PositiveBigIntegerField(blank=True, null=True, verbose_name='CPU limits ceiling (millicores)')),
                ('memory_request_ceiling', models.PositiveBigIntegerField(blank=True, null=True, verbose_name='memory requests ceiling (bytes)')),
                ('memory_limit_ceiling', models.PositiveBigIntegerField(blank=True, null=True, verbose_name='memory limits ceiling (bytes)')),
                ('pods_ceiling', models.PositiveIntegerField(blank=True, null=True, verbose_name='pods ceiling')),
                ('grants', models.JSONField(blank=True, default=dict, verbose_name='ways out')),
                ('creators_may_promote', models.BooleanField(default=False, verbose_name='creators may promote')),
                ('promote_automatically', models.BooleanField(default=False, verbose_name='promote automatically after a build')),
                ('asks_review', models.BooleanField(default=True, verbose_name='asks for a review before deploying')),
                ('approvals', models.PositiveSmallIntegerField(default=0, validators=[django.core.validators.MaxValueValidator(9)], verbose_name='approvals needed')),
                ('approver_roles', models.JSONField(blank=True, default=list, verbose_name='roles that may approve')),
                ('approver_groups', models.JSONField(blank=True, default=list, verbose_name='groups whose people may approve')),
                ('approvals_per_group', models.PositiveSmallIntegerField(default=0, help_text='0: from any of the groups chosen. Who is in two of them counts for one.', validators=[django.core.validators.MaxValueValidator(9)], verbose_name='approvals needed of each group')),
                ('approval_hours', models.PositiveSmallIntegerField(default=0, help_text='0: never.', verbose_name='approvals expire after (hours)')),
                ('approval_needs_comment', models.BooleanField(default=False, verbose_name='an approval needs a comment')),
                ('four_eyes', models.BooleanField(default=False, verbose_name='four eyes')),
                ('operations_only', models.BooleanField(default=True, verbose_name='operations only')),
                ('scale_minimum', models.PositiveSmallIntegerField(blank=True, help_text='Empty: 1 in production, no bound elsewhere.', null=True, validators=[django.core.validators.MaxValueValidator(200)], verbose_name='scaling without approval: at least (replicas)')),
                ('scale_maximum', models.PositiveSmallIntegerField(blank=True, help_text='Empty: twice the allocation in production, no bound elsewhere.', null=True, validators=[django.core.validators.MaxValueValidator(200)], verbose_name='scaling without approval: at most (replicas)')),
                ('settle_seconds', models.PositiveIntegerField(default=15, validators=[django.core.validators.MaxValueValidator(3600)], verbose_name='settle seconds')),
                ('deploy_deadline_seconds', models.PositiveIntegerField(default=900, validators=[django.core.validators.MinValueValidator(10), django.core.validators.MaxValueValidator(7200)], verbose_name='deploy deadline (seconds)')),
                ('force_conflicts', models.BooleanField(default=False, verbose_name='overwrite fields that others changed')),
                ('auto_rollback', models.BooleanField(default=False, verbose_name='roll back by itself after a failure')),
                ('branch_pattern', models.CharField(blank=True, help_text='A regular expression; empty: any branch.', max_length=200, verbose_name='branches allowed')),
                ('change_ticket_required', models.BooleanField(default=False, verbose_name='asks for a change ticket')),
                ('is_archived', models.BooleanField(default=False, editable=False, verbose_name='archived')),
                ('changed_at', models.DateTimeField(blank=True, db_index=True, editable=False)),
                ('cluster', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='spaces', to='environments.cluster', verbose_name='cluster')),
                ('environment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='spaces', to='environments.environment', verbose_name='environment')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='spaces', to='accounts.project', verbose_name='project')),
            ],
            options={
                'ordering': ['project__slug', 'environment__position'],
            },
        ),
        migrations.CreateModel(
            name='RuleChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('proposed', 'waits for a second person'), ('in_force', 'in force'), ('refused', 'refused'), ('withdrawn', 'withdrawn'), ('expired', 'lapsed')], default='proposed', max_length=12, verbose_name='state')),
                ('before', models.JSONField(default=dict)),
                ('after', models.JSONField(default=dict)),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('proposed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('expires_at', models.DateTimeField()),
                ('decided_at', models.DateTimeField(null=True)),
                ('decision_reason', models.CharField(blank=True, max_length=500)),
                ('is_by_shell', models.BooleanField(default=False)),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('environment', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='rule_changes', to='environments.environment')),
                ('project', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='rule_changes', to='accounts.project')),
                ('proposed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('space', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='rule_changes', to='environments.space')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='QuotaObservation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('namespace', models.CharField(max_length=63)),
                ('lines', models.JSONField(default=list)),
                ('at', models.DateTimeField()),
                ('space', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='quota_sight', to='environments.space')),
            ],
        ),
        migrations.CreateModel(
            name='PullSecret',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('namespace', models.CharField(max_length=63)),
                ('name', models.CharField(max_length=80)),
                ('version', models.CharField(blank=True, max_length=32)),
                ('applied_at', models.DateTimeField(null=True)),
                ('cluster', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='environments.cluster')),
                ('space', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pull_secrets', to='environments.space')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='GrantedNodePort',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('port', models.PositiveIntegerField()),
                ('cluster', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='environments.cluster')),
                ('space', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='environments.space')),
            ],
            options={
                'ordering': ['port'],
            },
        ),
        migrations.CreateModel(
            name='Freeze',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('is_window', models.BooleanField(default=False, verbose_name='release window')),
                ('only_production', models.BooleanField(default=True, verbose_name='only production')),
                ('kind', models.CharField(choices=[('once', 'once'), ('weekly', 'each week'), ('dates', 'on the dates of a calendar')], max_length=10, verbose_name='kind')),
                ('zone', models.CharField(default='UTC', max_length=64, verbose_name='time zone')),
                ('begins_at', models.DateTimeField(null=True)),
                ('ends_at', models.DateTimeField(null=True)),
                ('weekdays', models.JSONField(default=list)),
                ('opens', models.TimeField(null=True, verbose_name='from')),
                ('closes', models.TimeField(null=True, verbose_name='until')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('end_asked_at', models.DateTimeField(null=True)),
                ('end_reason', models.CharField(blank=True, max_length=500)),
                ('ended_at', models.DateTimeField(null=True)),
                ('calendar', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='freezes', to='environments.daycalendar')),
                ('end_asked_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('ended_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('made_by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='freezes', to='accounts.project')),
                ('space', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='freezes', to='environments.space')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='SpaceSync',
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
                ('wanted', models.JSONField(default=dict)),
                ('seen', models.JSONField(default=dict)),
                ('message', models.TextField(blank=True)),
                ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('space', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='syncs', to='environments.space')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.AddConstraint(
            model_name='environment',
            constraint=models.CheckConstraint(condition=models.Q(('twin', None), models.Q(('twin', models.F('id')), _negated=True), _connector='OR'), name='an_environment_is_not_its_own_twin'),
        ),
        migrations.AddConstraint(
            model_name='groupmember',
            constraint=models.UniqueConstraint(fields=('group', 'user'), name='one_person_is_once_in_a_group'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('group', None), ('user__isnull', False)), models.Q(('group__isnull', False), ('user', None)), _connector='OR'), name='a_person_or_a_group_holds_a_membership'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('environment', None), ('project', None), ('role__in', ['platform_admin', 'auditor'])), models.Q(models.Q(('role__in', ['platform_admin', 'auditor']), _negated=True), ('project__isnull', False)), _connector='OR'), name='site_roles_have_no_project'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('role', 'grant'), _negated=True), models.Q(('ends_at__isnull', False), ('environment__isnull', False)), _connector='OR'), name='a_grant_has_environment_and_end'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(('starts_at', None), ('ends_at', None), ('ends_at__gt', models.F('starts_at')), _connector='OR'), name='a_membership_ends_after_it_starts'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(django.db.models.functions.comparison.Coalesce('user', 0, output_field=models.BigIntegerField()), django.db.models.functions.comparison.Coalesce('group', 0, output_field=models.BigIntegerField()), models.F('role'), django.db.models.functions.comparison.Coalesce('project', 0, output_field=models.BigIntegerField()), django.db.models.functions.comparison.Coalesce('environment', 0, output_field=models.BigIntegerField()), django.db.models.functions.comparison.Coalesce('ends_at', datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), output_field=models.DateTimeField()), name='one_membership_per_role_place_and_end', violation_error_message='This role is held there already, for the same time.'),
        ),
        migrations.AddConstraint(
            model_name='space',
            constraint=models.UniqueConstraint(fields=('project', 'environment'), name='one_space_per_project_environment'),
        ),
        migrations.AddConstraint(
            model_name='space',
            constraint=models.UniqueConstraint(fields=('cluster', 'namespace'), name='one_space_per_namespace'),
        ),
        migrations.AddConstraint(
            model_name='space',
            constraint=models.CheckConstraint(condition=models.Q(('cpu_request_ceiling', None), ('cpu_limit_ceiling', None), ('cpu_limit_ceiling__gte', models.F('cpu_request_ceiling')), _connector='OR'), name='cpu_ceilings_of_limits_hold_those_of_requests'),
        ),
        migrations.AddConstraint(
            model_name='space',
            constraint=models.CheckConstraint(condition=models.Q(('memory_request_ceiling', None), ('memory_limit_ceiling', None), ('memory_limit_ceiling__gte', models.F('memory_request_ceiling')), _connector='OR'), name='memory_ceilings_of_limits_hold_those_of_requests'),
        ),
        migrations.AddConstraint(
            model_name='space',
            constraint=models.CheckConstraint(condition=models.Q(('approvals__lte', 9), ('approvals_per_group__lte', 9), ('deploy_deadline_seconds__range', (1, 7200)), ('settle_seconds__lte', 3600)), name='policy_numbers_of_a_space_are_in_range'),
        ),
        migrations.AddConstraint(
            model_name='rulechange',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('environment', None), ('project', None), ('space__isnull', False)), models.Q(('environment__isnull', False), ('project', None), ('space', None)), models.Q(('environment', None), ('project__isnull', False), ('space', None)), _connector='OR'), name='a_rule_change_is_of_one_thing'),
        ),
        migrations.AddConstraint(
            model_name='rulechange',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_at', None), ('state', 'proposed')), models.Q(models.Q(('state', 'proposed'), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='a_rule_change_is_decided_once_it_ended'),
        ),
        migrations.AddConstraint(
            model_name='rulechange',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'in_force'), _negated=True), models.Q(('decided_by', None), ('is_by_shell', True)), models.Q(('decided_by__isnull', False), ('is_by_shell', False), models.Q(('decided_by', models.F('proposed_by')), _negated=True)), _connector='OR'), name='two_persons_put_a_rule_change_in_force'),
        ),
        migrations.AddConstraint(
            model_name='rulechange',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'proposed')), fields=('space',), name='one_rule_change_waits_per_space'),
        ),
        migrations.AddConstraint(
            model_name='rulechange',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'proposed')), fields=('environment',), name='one_rule_change_waits_per_environment'),
        ),
        migrations.AddConstraint(
            model_name='rulechange',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'proposed')), fields=('project',), name='one_rule_change_waits_per_project'),
        ),
        migrations.AddConstraint(
            model_name='pullsecret',
            constraint=models.UniqueConstraint(fields=('cluster', 'namespace', 'name'), name='one_pull_secret_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='grantednodeport',
            constraint=models.UniqueConstraint(fields=('cluster', 'port'), name='one_space_per_node_port'),
        ),
        migrations.AddIndex(
            model_name='freeze',
            index=models.Index(condition=models.Q(('ended_at', None)), fields=['project'], name='freezes_not_ended'),
        ),
        migrations.AddConstraint(
            model_name='freeze',
            constraint=models.CheckConstraint(condition=models.Q(('project', None), ('space', None), _connector='OR'), name='a_freeze_is_of_a_project_or_a_space_or_neither'),
        ),
        migrations.AddConstraint(
            model_name='freeze',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('begins_at__isnull', False), ('ends_at__gt', models.F('begins_at')), ('kind', 'once')), models.Q(('closes__isnull', False), ('kind__in', ['weekly', 'dates']), ('opens__isnull', False), models.Q(('kind', 'weekly'), ('calendar__isnull', False), _connector='OR')), _connector='OR'), name='a_freeze_has_its_window'),
        ),
        migrations.AddConstraint(
            model_name='freeze',
            constraint=models.CheckConstraint(condition=models.Q(('ended_by', None), ('end_asked_by', None), models.Q(('ended_by', models.F('end_asked_by')), _negated=True), _connector='OR'), name='a_second_person_ends_what_somebody_asked_to_end'),
        ),
        migrations.AddConstraint(
            model_name='spacesync',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['queued', 'running'])), fields=('space',), name='one_sync_at_a_time'),
        ),
    ]
