// The server shows times in the browser's zone until its person chooses one (accounts/choices.py reads this cookie).
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
const pair = `prism4k_zone=${zone}`;
if (zone && !document.cookie.split("; ").includes(pair)) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${pair}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}
