import datetime
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('releases', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Preferences',
            fields=[
                ('person', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='notification_preferences', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('ways', models.JSONField(default=dict)),
                ('has_digest', models.BooleanField(default=False)),
                ('night_from', models.TimeField(default=datetime.time(22, 0))),
                ('night_until', models.TimeField(default=datetime.time(7, 0))),
            ],
        ),
        migrations.CreateModel(
            name='Mail',
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
                ('is_digest', models.BooleanField(default=False)),
                ('number', models.UUIDField(unique=True)),
                ('due_at', models.DateTimeField()),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('unanswered', models.PositiveSmallIntegerField(default=0)),
                ('message', models.TextField(blank=True, default='')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ['queued', 'running'])), fields=['state'], name='notice_mail_active')],
            },
        ),
        migrations.CreateModel(
            name='Mute',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('muted_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='releases.releaseorder')),
                ('person', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(fields=('person', 'order'), name='an_order_is_muted_once')],
            },
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('approval', 'My approval is asked for'), ('approved', 'What I may deploy is approved'), ('rejected', 'My order, or what I promoted, is rejected'), ('promoted', 'An order is promoted to where I deploy'), ('to_test', 'An order waits for my test'), ('deployed', 'My deployment, or that of my order, succeeded'), ('deployment_failed', 'My deployment, or that of my order, failed'), ('built', 'My build succeeded'), ('build_failed', 'My build failed'), ('returned', 'My order is returned'), ('break_glass', 'A break-glass waits for my review'), ('rule_change', 'A rule change waits for my confirmation'), ('rule_decided', 'My rule change is decided'), ('drp', 'A DRP switch or drill waits for my confirmation'), ('drp_went_on', 'A DRP switch or drill of mine went on, stopped or ended'), ('schedule_missed', 'My scheduled deployment, or that of my order, was missed'), ('hold_over', 'A place that I wait for, or that I held, is held no more'), ('mentioned', 'Somebody names me in a comment')], max_length=20)),
                ('key', models.CharField(max_length=80)),
                ('message', models.TextField()),
                ('detail', models.TextField(blank=True, default='')),
                ('path', models.CharField(max_length=200)),
                ('at', models.DateTimeField()),
                ('read_at', models.DateTimeField(editable=False, null=True)),
                ('mail', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='notices', to='notifications.mail')),
                ('order', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='releases.releaseorder')),
                ('person', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.project')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['person', '-id'], name='notices_of_a_person'), models.Index(condition=models.Q(('read_at', None)), fields=['person'], name='unread_notices'), models.Index(fields=['at'], name='notices_by_age')],
                'constraints': [models.UniqueConstraint(fields=('person', 'key'), name='nobody_is_told_twice')],
            },
        ),
        migrations.CreateModel(
            name='OutgoingWebhook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('secret_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=80)),
                ('form', models.CharField(choices=[('signed', 'JSON, signed'), ('wecom', 'WeCom group robot'), ('dingtalk', 'DingTalk group robot'), ('feishu', 'Feishu group robot'), ('slack', 'Slack incoming webhook')], default='signed', max_length=12)),
                ('url', models.TextField(blank=True, default='')),
                ('host', models.CharField(max_length=255)),
                ('secret', models.TextField(blank=True, default='')),
                ('kinds', models.JSONField(default=list)),
                ('language', models.CharField(choices=[('en', 'English'), ('zh-hans', '中文')], default='zh-hans', max_length=10)),
                ('is_on', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('created_by', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.project')),
            ],
            options={
                'ordering': ['name', 'pk'],
                'constraints': [models.UniqueConstraint(fields=('project', 'name'), name='webhooks_have_names_of_their_own')],
            },
        ),
        migrations.CreateModel(
            name='Dispatch',
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
                ('number', models.UUIDField()),
                ('key', models.CharField(max_length=100)),
                ('kind', models.CharField(max_length=20)),
                ('text', models.TextField()),
                ('detail', models.TextField(blank=True, default='')),
                ('path', models.CharField(max_length=200)),
                ('order_number', models.CharField(blank=True, max_length=20)),
                ('component', models.CharField(blank=True, max_length=100)),
                ('environment', models.CharField(blank=True, max_length=63)),
                ('at', models.DateTimeField()),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('unanswered', models.PositiveSmallIntegerField(default=0)),
                ('status', models.PositiveSmallIntegerField(null=True)),
                ('message', models.TextField(blank=True, default='')),
                ('repeat_of', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='notifications.dispatch')),
                ('repeated_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('webhook', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='dispatches', to='notifications.outgoingwebhook')),
            ],
            options={
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ['queued', 'running'])), fields=['state'], name='webhook_dispatch_active'), models.Index(fields=['webhook', '-id'], name='dispatches_of_a_webhook'), models.Index(fields=['due_at'], name='dispatches_by_age'), models.Index(condition=models.Q(('repeat_of__isnull', False)), fields=['repeat_of'], name='repeats_of_a_dispatch')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('repeat_of', None)), fields=('webhook', 'key'), name='no_webhook_is_told_twice')],
            },
        ),
        migrations.CreateModel(
            name='Telling',
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
                ('told', models.BigIntegerField(default=0, editable=False)),
                ('tidied_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'abstract': False,
                'constraints': [models.CheckConstraint(condition=models.Q(('singleton', True)), name='the_telling_is_one_row')],
            },
        ),
    ]
