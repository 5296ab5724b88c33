"""The one render host of this worker process."""

from deployer.render_host import RenderHost

render_host = RenderHost()
