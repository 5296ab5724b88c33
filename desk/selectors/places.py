"""Where one may go and what one may begin from anywhere: the palette's pages and actions, by right."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import override, pgettext_lazy

from desk.selectors.matrix import chosen_projects
from environments.access import Rights
from foundation.messages import MessageLike
from foundation.messages import message as _


@dataclass(frozen=True)
class Place:
    """One thing of the palette: a page to go to, or an act that begins from anywhere.

    ``spelt`` is the Chinese title in pinyin, by initials and whole; ``keys`` is what to press instead. With ``values``
    it is posted, else it is a link; ``right`` is asked of the site, or of any project where ``in_project``.
    """

    name: str
    title: MessageLike
    icon: str
    spelt: str
    keys: str = ""
    right: str = ""
    in_project: bool = False
    values: tuple[tuple[str, str], ...] = ()

    @property
    def url(self) -> str:
        return reverse(self.name)

    def fits(self, text: str) -> bool:
        """Does the text mean this? By its title in the reader's language, in English, or spelt in pinyin."""
        text = text.strip().lower()
        with override("en"):
            english = str(self.title).lower()
        return text in str(self.title).lower() or text in english or any(
            spelling.startswith(text) for spelling in self.spelt.split()
        )  # fmt: skip


PAGES = (
    Place("desk:home", _("Home"), "home", "gzt gongzuotai", "g h"),
    Place("releases:list", _("Orders"), "orders", "fbd fabudan", "g o"),
    Place("desk:approvals", _("Approvals"), "approvals", "sp shenpi", "g a"),
    Place("releases:feed", pgettext_lazy("feed", "Deployments"), "deployments", "bsdt bushudongtai"),
    Place("components:list", _("Components"), "components", "zj zujian", "g c"),
    Place("environments:list", _("Environments"), "environments", "hj huanjing", "g e"),
    Place("desk:compare-environments", _("Compare environments"), "compare", "db dbhj duibi duibihuanjing"),
    Place("desk:figures", _("Figures"), "figures", "tj tongji"),
    Place("desk:admin", _("Admin"), "admin", "gl guanli", "g s"),
    Place("environments:projects", _("Projects and members"), "list", "xmycy xm xiangmu cy chengyuan"),
    Place("environments:people", _("People"), "users", "ry renyuan", right="see_site"),
    Place("environments:groups", _("Groups"), "users", "ryz renyuanzu"),
    Place("environments:clusters", _("Clusters"), "cloud", "jq jiqun", right="see_site"),
    Place("components:templates", _("Templates"), "template", "mb moban"),
    Place("components:base-images", _("Base images"), "stack", "jcjx jichujingxiang"),
    Place("components:servers", _("Servers"), "plug", "fwq fuwuqi", right="manage_servers"),
    Place("releases:break-glasses", _("Break-glass"), "alert", "jjfx jinjifangxing jinji fangxing"),
    Place("desk:explain", _("Permission explainer"), "key", "qxsm quanxian shuoming wsmbn"),
    Place("desk:health", _("System health"), "heart", "xtjk xitong jiankang", right="see_health"),
    Place("accounts:settings", _("My settings"), "user", "wdsz shezhi"),
    Place("accounts:tokens", _("My tokens"), "key", "wdlp lp lingpai"),
    Place("desk:keys", _("Keys"), "keyboard", "kjj kuaijiejian", "?"),
    Place("api-docs", _("API"), "api", "jk jiekou"),
)
ACTIONS = (
    Place("releases:new", _("New order"), "plus", "xjfbd xinjian", "c", "create_order", True),
    Place("components:new", _("New component"), "plus", "xjzj xinjian", "", "edit_component", True),
    Place("accounts:theme", _("Theme: light"), "sun", "zt zhuti qs qianse", values=(("theme", "light"),)),
    Place("accounts:theme", _("Theme: dark"), "moon", "zt zhuti ss shense", values=(("theme", "dark"),)),
    Place("accounts:theme", _("Theme: as the system"), "device", "zt zhuti gsxt", values=(("theme", "system"),)),
    Place("set-language", _("Language: 中文"), "language", "yy yuyan zw zhongwen", values=(("language", "zh-hans"),)),
    Place("set-language", _("Language: English"), "language", "yy yuyan yw yingwen", values=(("language", "en"),)),
    Place("accounts:sign-out", _("Sign out"), "logout", "tc tuichu", values=(("next", ""),)),
)


def pages_of(rights: Rights) -> list[Place]:
    """The pages that this person may open."""
    return [place for place in PAGES if not place.right or rights.can(place.right)]


def actions_of(rights: Rights) -> list[Place]:
    """The acts that this person may begin somewhere."""
    ids = [pk for pk, _slug, _name in chosen_projects(rights)]
    return [place for place in ACTIONS if not place.right or _may(rights, place, ids)]


def _may(rights: Rights, place: Place, project_ids: list[int]) -> bool:
    if not place.in_project:
        return rights.can(place.right)
    return any(rights.can(place.right, project_id=pk) for pk in project_ids)
