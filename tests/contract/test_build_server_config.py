"""Which differences between two config.xml count. Pure functions."""

from __future__ import annotations

import pytest

from deployer.adapters.jenkins import Unreadable, config_xml, differences, script_of
from tests.sandbox.jenkins.parts import CONFIG

SHIPPED = CONFIG.read_text(encoding="utf-8")

AS_JENKINS_SAVES_IT = (
    SHIPPED.replace("<?xml version='1.0' encoding='UTF-8'?>", "<?xml version='1.1' encoding='UTF-8'?>")
    .replace('plugin="workflow-job"', 'plugin="workflow-job@1559.va_a_533730b_ea_d"')
    .replace('plugin="workflow-cps"', 'plugin="workflow-cps@4209.v83c4e257f1e9"')
    .replace("<keepDependencies>", "<actions><a.b.C><n>1</n></a.b.C></actions><keepDependencies>")
    .replace("<artifactNumToKeep>-1</artifactNumToKeep>", "<removeLastBuild>false</removeLastBuild>")
    .replace("<trim>true</trim>", "<defaultValue></defaultValue>\r\n<trim>true</trim>")
    .replace("<trim>false</trim>", "")
    .replace("'", "&apos;")
    .replace("<?xml version=&apos;1.1&apos; encoding=&apos;UTF-8&apos;?>", "<?xml version='1.1' encoding='UTF-8'?>")
    .replace("  <triggers/>", "")
)  # fmt: skip


def test_what_jenkins_adds_by_itself_is_no_difference() -> None:
    assert AS_JENKINS_SAVES_IT != SHIPPED
    assert differences(AS_JENKINS_SAVES_IT, SHIPPED) == ()


def test_the_order_of_fields_is_no_difference_and_that_of_a_list_is() -> None:
    one = "<job><a>1</a><b>2</b><list><p>x</p><p>y</p></list></job>"
    assert differences("<job><b>2</b><list><p>x</p><p>y</p></list><a>1</a></job>", one) == ()
    assert differences("<job><a>1</a><b>2</b><list><p>y</p><p>x</p></list></job>", one)


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("<sandbox>true</sandbox>", "<sandbox>false</sandbox>", "-    <sandbox>false</sandbox>"),
        ("<disabled>false</disabled>", "<disabled>true</disabled>", "-  <disabled>true</disabled>"),
        ("<hint>MAX_SURVIVABILITY</hint>", "", "+      <hint>MAX_SURVIVABILITY</hint>"),
        ("cps.CpsFlowDefinition", "cps.CpsScmFlowDefinition", '-  <definition class="org.jenkinsci.plugins'),
        ("return 'GitLab'", "return 'Other'", "-      | String gitCredentials() { return 'Other' }"),
        ("<name>SITE</name>", "<name>PLACE</name>", "-          <name>PLACE</name>"),
        ("<triggers/>", "<triggers><hudson.T><spec>* * * * *</spec></hudson.T></triggers>", "<spec>* * * * *</spec>"),
    ],
)
def test_what_somebody_changed_is_shown(before: str, after: str, shown: str) -> None:
    assert before in SHIPPED
    lines = differences(SHIPPED.replace(before, after), SHIPPED)
    assert any(shown in line for line in lines), lines


def test_a_text_cannot_pass_for_elements() -> None:
    forged = "<job><description>a&lt;/description>\n  &lt;disabled>true&lt;/disabled></description></job>"
    assert differences(forged, "<job><description>a</description><disabled>true</disabled></job>")


def test_secrets_and_control_characters_of_a_foreign_change_are_not_shown() -> None:
    foreign = "<authToken>hush-hush</authToken><x>{AQAAABAAAAAQabcdefghijklmnop==}</x><y>\x9b31m</y></flow-definition>"
    lines = "\n".join(differences(SHIPPED.replace("</flow-definition>", foreign), SHIPPED))
    assert lines.count(config_xml.HIDDEN) == 2 and "\\x9b31m" in lines
    assert "hush-hush" not in lines and "AQAAABAAAAAQ" not in lines and "\x9b" not in lines


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize("text", [BOMB, "<a>", "no xml", "<a/><b/>", "<a>" * 500 + "</a>" * 500])
def test_what_cannot_be_read_is_refused_and_differs_as_a_whole(text: str) -> None:
    with pytest.raises(Unreadable):
        config_xml.readable(text)
    lines = differences(text, SHIPPED)
    assert any("cannot be read" in line for line in lines)


def test_the_script_is_what_jenkins_compiles() -> None:
    assert script_of(SHIPPED) == CONFIG.with_name("Jenkinsfile").read_text(encoding="utf-8")
    assert script_of("<job/>") == ""
