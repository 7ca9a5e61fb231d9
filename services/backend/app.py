"""One backend process: it opens its stores, builds its features, and runs their parts.

What the features are made of stands in `process/features.py`, what of them runs in
`process/parts.py`.
"""

from servicekit.clock import Clock, SystemClock
from servicekit.ids import IdSource, SystemIds
from servicekit.lifecycle import Lifecycle
from servicekit.parts import PartsProcess, Ports, Serving

from services.backend.admin_sessions.callers import AdminCallers
from services.backend.directory.admission import Admission
from services.backend.process.connections import Connections, connect
from services.backend.process.features import Features
from services.backend.process.parts import parts
from services.backend.settings import BackendSettings
from services.backend.tenants.commands.ensure_operator import Operator


class BackendApp:
    """One worker process."""

    def __init__(
        self,
        *,
        settings: BackendSettings,
        clock: Clock | None = None,
        ids: IdSource | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._ids = ids or SystemIds(self._clock)

    async def start(self, lifecycle: Lifecycle) -> Ports:
        """Open the stores, then the workers, then the servers; closing goes the other way round."""
        settings, clock, ids = self._settings, self._clock, self._ids
        connections = await connect(settings, lifecycle, clock=clock, ids=ids)
        features = await self.build(connections)
        lifecycle.on_close(features.packets.settlement.drain)
        lifecycle.on_close(features.lookups.hearing.end)
        process = PartsProcess(
            parts(features),
            database=connections.database,
            database_url=settings.database_url.get_secret_value(),
            lifecycle=lifecycle,
            clock=clock,
            ids=ids,
        )
        return await process.start(
            Serving(
                host=settings.host,
                tls=settings.grpc_tls,
                tracing=connections.tracing,
                wanted=Ports(http=settings.connector_port, grpc=settings.grpc_port),
                admit=Admission(
                    directory=features.lookups.directory,
                    callers=AdminCallers(
                        verify=features.tenants.signatures.verify_api_signature,
                        operator_id=settings.operator_tenant_id,
                    ),
                ),
            )
        )

    async def build(self, connections: Connections) -> Features:
        """The features on open connections, with the operator's tenant and a loaded directory."""
        settings = self._settings
        features = Features(settings, connections, clock=self._clock, ids=self._ids)
        operator = Operator(
            tenant_id=settings.operator_tenant_id,
            api_secret=settings.admin_api_secret.get_secret_value(),
        )
        await features.commands.run(features.tenants.ensure_operator, operator)
        await features.lookups.directory.reload()
        await features.lookups.names.report(connections.database)
        return features
