import datetime
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('environments', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='GitServer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('secret_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('ca_pem', models.TextField(blank=True, verbose_name='CA certificate (PEM)')),
                ('is_archived', models.BooleanField(default=False, verbose_name='archived')),
                ('host', models.CharField(max_length=253, unique=True, verbose_name='host[:port]')),
                ('allow_http', models.BooleanField(default=False, verbose_name='plain http allowed')),
                ('username', models.CharField(blank=True, max_length=120, verbose_name='user name')),
                ('password', models.TextField(blank=True, default='', verbose_name='password or token')),
                ('ssh_key', models.TextField(blank=True, default='', verbose_name='SSH key')),
            ],
            options={
                'ordering': ['host'],
            },
        ),
        migrations.CreateModel(
            name='ImageRegistry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('secret_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('ca_pem', models.TextField(blank=True, verbose_name='CA certificate (PEM)')),
                ('is_archived', models.BooleanField(default=False, verbose_name='archived')),
                ('slug', models.CharField(max_length=63, unique=True, validators=[django.core.validators.RegexValidator('\\A[a-z0-9]+(?:-+[a-z0-9]+)*\\Z', 'Lower-case letters, digits and single hyphens only: it becomes part of image names and namespaces.')], verbose_name='short name')),
                ('address', models.CharField(max_length=253, verbose_name='address (host[:port])')),
                ('url', models.CharField(max_length=300, verbose_name='API URL')),
                ('username', models.CharField(blank=True, max_length=120, verbose_name='user name')),
                ('password', models.TextField(blank=True, default='', verbose_name='password or token')),
                ('credentials_version', models.UUIDField(default=uuid.uuid4, editable=False)),
            ],
            options={
                'ordering': ['slug'],
            },
        ),
        migrations.CreateModel(
            name='JenkinsServer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('secret_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('ca_pem', models.TextField(blank=True, verbose_name='CA certificate (PEM)')),
                ('is_archived', models.BooleanField(default=False, verbose_name='archived')),
                ('slug', models.CharField(max_length=63, unique=True, validators=[django.core.validators.RegexValidator('\\A[a-z0-9]+(?:-+[a-z0-9]+)*\\Z', 'Lower-case letters, digits and single hyphens only: it becomes part of image names and namespaces.')], verbose_name='short name')),
                ('url', models.CharField(max_length=300, verbose_name='URL')),
                ('username', models.CharField(max_length=120, verbose_name='user name')),
                ('token', models.TextField(blank=True, default='', verbose_name='API token')),
                ('credentials_id', models.CharField(default='GitLab', max_length=120, verbose_name='Git credentials id')),
                ('image_node_label', models.CharField(blank=True, max_length=128, verbose_name='node that makes images')),
                ('build_deadline_seconds', models.PositiveIntegerField(default=3600, validators=[django.core.validators.MinValueValidator(10)], verbose_name='build deadline (seconds)')),
                ('queue_deadline_seconds', models.PositiveIntegerField(default=1800, validators=[django.core.validators.MinValueValidator(10)], verbose_name='queue deadline (seconds)')),
                ('quiet_period_seconds', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MaxValueValidator(60)], verbose_name='quiet period (seconds)')),
                ('claims', models.BooleanField(default=True, verbose_name='builds ask the platform first')),
                ('claim_wait_seconds', models.PositiveSmallIntegerField(default=30, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(600)], verbose_name='wait for a claim (seconds)')),
            ],
            options={
                'ordering': ['slug'],
            },
        ),
        migrations.CreateModel(
            name='BaseImage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', models.CharField(max_length=250, validators=[django.core.validators.RegexValidator('\\A/?[a-z0-9]+(?:(?:\\.|__?|-+|/)[a-z0-9]+)*\\Z')], verbose_name='path')),
                ('tag', models.CharField(max_length=128, validators=[django.core.validators.RegexValidator('\\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\\Z')], verbose_name='tag')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('is_archived', models.BooleanField(default=False, verbose_name='archived')),
            ],
            options={
                'ordering': ['path', 'tag'],
                'constraints': [models.UniqueConstraint(fields=('path', 'tag'), name='one_base_image_per_path_and_tag')],
            },
        ),
        migrations.CreateModel(
            name='BranchTip',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('git_url', models.CharField(max_length=300)),
                ('branch', models.CharField(max_length=200)),
                ('commit', models.CharField(max_length=40)),
                ('seen_at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('git_url', 'branch'), name='one_tip_per_branch')],
            },
        ),
        migrations.CreateModel(
            name='Component',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=63, validators=[django.core.validators.RegexValidator('\\A[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\\Z')], verbose_name='component name')),
                ('slug', models.CharField(editable=False, max_length=63, validators=[django.core.validators.RegexValidator('\\A[a-z0-9]+(?:-+[a-z0-9]+)*\\Z', 'Lower-case letters, digits and single hyphens only: it becomes part of image names and namespaces.')])),
                ('is_archived', models.BooleanField(default=False, verbose_name='archived')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='components', to='accounts.project', verbose_name='project')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Allocation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='what changed')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('replicas', models.PositiveSmallIntegerField(validators=[django.core.validators.MaxValueValidator(200)], verbose_name='replicas')),
                ('cpu_request', models.PositiveBigIntegerField(verbose_name='CPU lower (millicores)')),
                ('cpu_limit', models.PositiveBigIntegerField(verbose_name='CPU upper (millicores)')),
                ('memory_request', models.PositiveBigIntegerField(verbose_name='memory lower (bytes)')),
                ('memory_limit', models.PositiveBigIntegerField(verbose_name='memory upper (bytes)')),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('environment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='environments.environment')),
                ('component', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='allocations', to='components.component')),
            ],
            options={
                'ordering': ['-number'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ConfigVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='what changed')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('env', models.JSONField(default=list)),
                ('files', models.JSONField(default=dict)),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('component', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='configs', to='components.component')),
                ('environment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='environments.environment')),
            ],
            options={
                'ordering': ['-number'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='EntryCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='what changed')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('kind', models.CharField(choices=[('everywhere', 'as in every environment'), ('none', 'nothing: ready pods are enough'), ('service', 'a port of its Service, through the API server'), ('url', 'a URL')], max_length=12, verbose_name='what is asked')),
                ('url', models.CharField(blank=True, help_text='For example https://app.corp.example/healthz.', max_length=500, verbose_name='URL')),
                ('port', models.CharField(blank=True, help_text='Its name or number in the service template. Left empty: the first one.', max_length=15, verbose_name='port of the Service')),
                ('path', models.CharField(blank=True, help_text='For example /healthz.', max_length=300, verbose_name='path')),
                ('statuses', models.CharField(blank=True, help_text='Numbers and ranges, such as 200-299, 401. Left empty: 200-399.', max_length=120, verbose_name='expected status')),
                ('text', models.CharField(blank=True, help_text='Stands in the first 64 KiB of the answer. May stay empty.', max_length=200, verbose_name='expected text')),
                ('header', models.CharField(blank=True, help_text='Its name, or its name and a part of its value: “Content-Type: json”. May stay empty.', max_length=200, verbose_name='expected header')),
                ('patience_seconds', models.PositiveIntegerField(default=60, help_text='How long the entry may go on giving a wrong answer before the deployment fails.', verbose_name='patience (seconds)')),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('component', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='entry_checks', to='components.component')),
                ('environment', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='environments.environment')),
            ],
            options={
                'ordering': ['-number'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ScalingRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='what changed')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('is_on', models.BooleanField(verbose_name='an autoscaler sets the number of replicas')),
                ('minimum', models.PositiveSmallIntegerField(verbose_name='minimum replicas')),
                ('maximum', models.PositiveSmallIntegerField(verbose_name='maximum replicas')),
                ('cpu_percent', models.PositiveSmallIntegerField(verbose_name='CPU target, percent of the lower bound')),
                ('scale_up_seconds', models.PositiveSmallIntegerField(verbose_name='cool-down before more pods (seconds)')),
                ('scale_down_seconds', models.PositiveSmallIntegerField(verbose_name='cool-down before fewer pods (seconds)')),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('component', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='scaling_rules', to='components.component')),
                ('environment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='environments.environment')),
            ],
            options={
                'ordering': ['-number'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ServerTest',
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
                ('kind', models.CharField(choices=[('jenkins', 'Jenkins'), ('git', 'Git'), ('registry', 'image registry')], max_length=20)),
                ('subject', models.CharField(blank=True, max_length=300)),
                ('git', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='tests', to='components.gitserver')),
                ('jenkins', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='tests', to='components.jenkinsserver')),
                ('registry', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='tests', to='components.imageregistry')),
                ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Template',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('dockerfile', 'Dockerfile'), ('bootstart', 'BootStart file'), ('deployment', 'deployment template'), ('service', 'service template')], max_length=20, verbose_name='kind')),
                ('name', models.CharField(max_length=120, validators=[django.core.validators.RegexValidator('\\A[A-Za-z0-9][A-Za-z0-9._-]*\\Z')], verbose_name='file name')),
                ('is_archived', models.BooleanField(default=False, verbose_name='archived')),
                ('project', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='templates', to='accounts.project', verbose_name='project')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Preview',
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
                ('kind', models.CharField(choices=[('dockerfile', 'Dockerfile'), ('bootstart', 'BootStart file'), ('deployment', 'deployment template'), ('service', 'service template')], max_length=20)),
                ('body', models.TextField()),
                ('batch', models.UUIDField(db_index=True, editable=False, null=True)),
                ('results', models.JSONField(default=list)),
                ('component', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='previews', to='components.component')),
                ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('template', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='previews', to='components.template')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ComponentSettings',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='what changed')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('name_zh', models.CharField(blank=True, max_length=120, verbose_name='Chinese name')),
                ('initials', models.TextField(blank=True, default='', editable=False)),
                ('service_name', models.CharField(blank=True, help_text="Left empty: the component's name in lower case.", max_length=63, validators=[django.core.validators.RegexValidator('\\A[a-z0-9]+(?:-+[a-z0-9]+)*\\Z', 'Lower-case letters, digits and single hyphens only: it becomes part of image names and namespaces.')], verbose_name='service name')),
                ('git_url', models.CharField(blank=True, help_text='https://host/group/name.git; the host must be listed under Servers.', max_length=300, verbose_name='GitLab URL')),
                ('description', models.TextField(blank=True, max_length=4000, verbose_name='description')),
                ('job_name', models.CharField(blank=True, default='PRISM_JENKINS_JOB', max_length=200, verbose_name='Jenkins job')),
                ('node_label', models.CharField(blank=True, max_length=128, verbose_name='Jenkins node')),
                ('build_directory', models.CharField(blank=True, help_text='“/” is the root of the repository.', max_length=200, verbose_name='build directory')),
                ('build_command', models.TextField(blank=True, max_length=8192, verbose_name='build command')),
                ('artifact_directory', models.CharField(blank=True, help_text='Below the build directory.', max_length=200, verbose_name='artifact directory')),
                ('package_name', models.CharField(blank=True, help_text='One file name, for example app.war.', max_length=128, verbose_name='package')),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('base_image', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='components.baseimage', verbose_name='base image')),
                ('component', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='settings', to='components.component')),
                ('bootstart', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='components.template', verbose_name='BootStart file')),
                ('deployment_template', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='components.template', verbose_name='deployment template')),
                ('dockerfile', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='components.template', verbose_name='Dockerfile')),
                ('service_template', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='components.template', verbose_name='service template')),
            ],
            options={
                'ordering': ['-number'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='TemplateVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='what changed')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('body', models.TextField(verbose_name='text')),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('template', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='components.template')),
            ],
            options={
                'ordering': ['-number'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Toolchain',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('jenkins', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='components.jenkinsserver', verbose_name='Jenkins')),
                ('project', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='toolchain', to='accounts.project', verbose_name='project')),
                ('registry', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='components.imageregistry', verbose_name='image registry')),
            ],
        ),
        migrations.AddConstraint(
            model_name='component',
            constraint=models.UniqueConstraint(fields=('project', 'slug'), name='one_component_per_project_and_slug'),
        ),
        migrations.AddConstraint(
            model_name='allocation',
            constraint=models.UniqueConstraint(fields=('component', 'environment', 'number'), name='one_allocation_per_number'),
        ),
        migrations.AddConstraint(
            model_name='allocation',
            constraint=models.CheckConstraint(condition=models.Q(('cpu_limit__gte', models.F('cpu_request')), ('memory_limit__gte', models.F('memory_request'))), name='an_allocation_has_limits_that_hold_its_requests'),
        ),
        migrations.AddConstraint(
            model_name='allocation',
            constraint=models.CheckConstraint(condition=models.Q(('replicas__lte', 200)), name='an_allocation_has_at_most_200_replicas'),
        ),
        migrations.AddConstraint(
            model_name='configversion',
            constraint=models.UniqueConstraint(fields=('component', 'environment', 'number'), name='one_config_per_number'),
        ),
        migrations.AddConstraint(
            model_name='entrycheck',
            constraint=models.UniqueConstraint(fields=('component', 'environment', 'number'), name='one_entry_check_per_number'),
        ),
        migrations.AddConstraint(
            model_name='entrycheck',
            constraint=models.UniqueConstraint(condition=models.Q(('environment', None)), fields=('component', 'number'), name='one_general_entry_check_per_number'),
        ),
        migrations.AddConstraint(
            model_name='scalingrule',
            constraint=models.UniqueConstraint(fields=('component', 'environment', 'number'), name='one_scaling_rule_per_number'),
        ),
        migrations.AddConstraint(
            model_name='scalingrule',
            constraint=models.CheckConstraint(condition=models.Q(('maximum__gte', models.F('minimum')), ('maximum__lte', 200), ('minimum__gte', 1)), name='a_scaling_rule_has_bounds_from_1_to_200'),
        ),
        migrations.AddConstraint(
            model_name='servertest',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('git', None), ('jenkins__isnull', False), ('kind', 'jenkins'), ('registry', None)), models.Q(('git__isnull', False), ('jenkins', None), ('kind', 'git'), ('registry', None)), models.Q(('git', None), ('jenkins', None), ('kind', 'registry'), ('registry__isnull', False)), _connector='OR'), name='a_server_test_has_one_target_of_its_kind'),
        ),
        migrations.AddConstraint(
            model_name='template',
            constraint=models.UniqueConstraint(fields=('name', 'project'), name='one_template_per_name_and_project'),
        ),
        migrations.AddConstraint(
            model_name='template',
            constraint=models.UniqueConstraint(condition=models.Q(('project', None)), fields=('name',), name='one_global_template_per_name'),
        ),
        migrations.AddConstraint(
            model_name='componentsettings',
            constraint=models.UniqueConstraint(fields=('component', 'number'), name='one_settings_per_number'),
        ),
        migrations.AddConstraint(
            model_name='templateversion',
            constraint=models.UniqueConstraint(fields=('template', 'number'), name='one_template_version_per_number'),
        ),
    ]
