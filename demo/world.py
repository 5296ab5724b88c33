"""The demo's people, projects, environments and components, after the originals' names. Plain data, nothing else."""

from __future__ import annotations

from dataclasses import dataclass

PASSWORD = "prism4k-demo"  # noqa: S105 - everybody may know it: the demo listens on this machine only
NAMESPACE_PREFIX = "prism4k-demo"
"""Every namespace that the demo makes or touches begins with this."""


@dataclass(frozen=True)
class Person:
    """``roles`` are held in every demo project; ``site_role`` everywhere; ``grant`` names an environment."""

    username: str
    name: str
    name_en: str
    note: str
    note_en: str
    roles: tuple[str, ...] = ()
    site_role: str = ""
    grant: str = ""
    language: str = ""

    @property
    def email(self) -> str:
        """An address that leads nowhere."""
        return f"{self.username}@example.com"


PEOPLE = (
    Person(
        "chenlei",
        "陈磊",
        "Chen Lei",
        "开发，网上营业厅，FAT 授权",
        "developer, with a grant for FAT",
        ("developer",),
        grant="fat",
    ),
    Person("lintao", "林涛", "Lin Tao", "开发", "developer", ("developer",)),
    Person("wangfang", "王芳", "Wang Fang", "测试", "tester", ("tester",)),
    Person("zhaogang", "赵刚", "Zhao Gang", "运维，值班", "operations, on duty", ("operations", "break_glass")),
    Person("liuyang", "刘洋", "Liu Yang", "运维，复核", "operations, second pair of eyes", ("operations",)),
    Person("sunli", "孙丽", "Sun Li", "项目管理员", "project administrator", ("project_admin",)),
    Person("zhoujie", "周杰", "Zhou Jie", "平台管理员", "platform administrator", site_role="platform_admin"),
    Person("wumin", "吴敏", "Wu Min", "审计", "auditor", site_role="auditor"),
)

DEVELOPER, TESTER, OPERATOR, APPROVER, PROJECT_ADMIN, PLATFORM_ADMIN = (
    "chenlei",
    "wangfang",
    "zhaogang",
    "liuyang",
    "sunli",
    "zhoujie",
)


@dataclass(frozen=True)
class Team:
    """A group of people, by their user names, whose approval production of one project asks for."""

    slug: str
    name: str
    name_en: str
    people: tuple[str, ...]
    project: str
    environment: str


TEAMS = (Team("release-board", "发布评审组", "Release board", ("liuyang", "sunli"), "sis-omm", "prd"),)

ORGANISATION = ("securities-it", "证券信息技术部", "Securities IT")


@dataclass(frozen=True)
class Place:
    """An environment and the demo's policy for every space in it."""

    slug: str
    name: str
    name_en: str
    follows: tuple[str, ...] = ()
    twin: str = ""
    is_production: bool = False
    cluster: str = "test"
    creators_may_promote: bool = False
    asks_review: bool = True
    approvals: int = 0
    operations_only: bool = True
    replicas: int = 1
    cpu: tuple[int, int] = (100, 200)
    """Request and limit of one pod, millicores."""
    memory: tuple[int, int] = (64, 128)
    """Request and limit of one pod, MiB."""


PLACES = (
    Place("fat", "功能测试", "Functional test", creators_may_promote=True, asks_review=False, operations_only=False),
    Place("uat", "验收测试", "Acceptance test", follows=("fat",), replicas=2),
    Place(
        "prd",
        "生产",
        "Production",
        follows=("uat",),
        is_production=True,
        cluster="prod",
        approvals=1,
        replicas=4,
        cpu=(200, 400),
        memory=(128, 256),
    ),
    Place(
        "drp",
        "灾备",
        "Disaster recovery",
        follows=("uat",),
        twin="prd",
        is_production=True,
        cluster="prod",
        approvals=1,
        replicas=2,
        cpu=(200, 400),
        memory=(128, 256),
    ),
)

CLUSTERS = {"test": "测试集群 (test cluster)", "prod": "生产集群 (production cluster)"}
"""Short name and name: FAT and UAT are in the first, PRD and DRP in the second."""

SETTLE_SECONDS = 1
DEPLOY_DEADLINE_SECONDS = 180
CEILING_PODS = 80
CEILING_CPU = (16_000, 32_000)
CEILING_MEMORY_GIB = (16, 32)


@dataclass(frozen=True)
class Family:
    """Templates, base image and the way of building of a kind of component."""

    dockerfile: str
    bootstart: str
    deployment: str
    service: str
    base_image: tuple[str, str]
    build_command: str
    suffix: str
    node_label: str


PYTHON = Family(
    "dockerfile-python",
    "bootstart-python.sh",
    "prism-python-deployment.yaml",
    "prism-python-service.yaml",
    ("/base/middleware/python", "3.11"),
    "make package",
    ".pyz",
    "JNLP_python_3.11",
)
JDK8 = Family(
    "dockerfile-jdk8-ant",
    "bootstart-jdk8.sh",
    "prism-jdk8-deployment.yaml",
    "prism-jdk8-service.yaml",
    ("/base/middleware/tomcat", "8.0.14-oraclejdk1.8.0_73"),
    "make war",
    ".war",
    "JNLP_ant_1.10.3-openjdk-8-alpine",
)
FAMILIES = (PYTHON, JDK8)


@dataclass(frozen=True)
class App:
    """A component with a repository of its own."""

    name: str
    name_zh: str
    description: str
    family: Family = PYTHON

    @property
    def slug(self) -> str:
        """Lower case, as images and workloads have it."""
        return self.name.lower()

    @property
    def package(self) -> str:
        """``sis_omm_jtc_app_proxy_gw.pyz``."""
        return self.slug.replace("-", "_") + self.family.suffix

    @property
    def artifact_directory(self) -> str:
        """Where its build leaves the package, relative to the build directory."""
        return f"target/{self.slug.replace('-', '_')}/"

    @property
    def service(self) -> str:
        """``proxy-gw``: what follows the project's part of the name."""
        return self.slug.partition("-app-")[2]


@dataclass(frozen=True)
class Subsystem:
    """A project (子系统) and its components."""

    slug: str
    name: str
    name_en: str
    description: str
    apps: tuple[App, ...]


SUBSYSTEMS = (
    Subsystem(
        "sis-omm",
        "网上理财 (SIS-OMM)",
        "Online wealth management (SIS-OMM)",
        "理财产品的报价、申购与赎回。 Quotes, purchase and redemption of wealth products.",
        (
            App(
                "SIS-OMM-JTC-APP-PROXY-GW",
                "理财网关组件",
                "对外网关：限额、路由与报价。 Gateway in front of the desk: limits, routes and quotes.",
            ),
            App(
                "SIS-OMM-JTC-APP-MOP",
                "理财运营平台",
                "运营后台，以 war 包发布。 Back office, shipped as a war file.",
                JDK8,
            ),
            App("SIS-OMM-JTC-APP-AMS", "理财账户系统", "账户与份额登记。 Accounts and the register of shares."),
        ),
    ),
    Subsystem(
        "sis-china-itc",
        "中国区交易中心 (SIS-CHINA-ITC)",
        "China trading centre (SIS-CHINA-ITC)",
        "七个组件同一天发布。 Seven components that are released on one day.",
        (
            App("SIS-CHINA-ITC-APP-WEB", "交易门户", "客户门户。 Portal for customers."),
            App("SIS-CHINA-ITC-APP-ADMIN", "交易管理端", "管理端。 Administration."),
            App("SIS-CHINA-ITC-APP-UI", "交易界面组件", "界面组件库。 Parts of the user interface."),
            App("SIS-CHINA-ITC-APP-STATIC", "静态资源", "静态资源。 Static files."),
            App("SIS-CHINA-ITC-APP-POS", "柜台终端", "柜台终端接口。 Interface of the counters' terminals."),
            App("SIS-CHINA-ITC-APP-PROXY-GW", "交易网关", "交易网关。 Trading gateway."),
            App("SIS-CHINA-ITC-APP-APP", "移动端服务", "移动端后台。 Back end of the mobile application."),
        ),
    ),
)

CARRIED = ("sis-omm", SUBSYSTEMS[0].apps[0])
"""The component whose order ``make demo`` carries."""


def repository_name(project: str, app: App) -> str:
    """The path of its repository on the Git server."""
    return f"{project}/{app.service}.git"
