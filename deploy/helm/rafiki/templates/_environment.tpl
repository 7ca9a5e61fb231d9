{{/* The settings of each service; the migration jobs have the same. */}}
{{- define "rafiki.environment.backend" -}}
{{- $auth := include "rafiki.name" (merge (dict "component" "auth") .) -}}
{{- include "rafiki.settings" (merge (dict) .Values.backend.env (dict
  "NODE_ENV" "production"
  "HOST" "0.0.0.0"
  "GRPC_PORT" "3011"
  "CONNECTOR_PORT" "3002"
  "INSTANCE_NAME" .Values.node.instanceName
  "OPEN_PAYMENTS_URL" .Values.node.publicUrl
  "AUTH_SERVER_GRANT_URL" .Values.node.publicUrl
  "AUTH_SERVER_INTROSPECTION_URL" (printf "%s:3106" $auth)
  "ILP_ADDRESS" .Values.node.ilpAddress
  "ILP_CONNECTOR_URL" (printf "%s/ilp" .Values.node.publicUrl)
  "OPERATOR_TENANT_ID" .Values.node.operatorTenantId
  "KEY_ID" .Values.node.keyId
  "PRIVATE_KEY_FILE" "/run/secrets/node/node.pem"
  "EXCHANGE_RATES_URL" .Values.node.exchangeRatesUrl
  "WEBHOOK_URL" .Values.node.webhookUrl
  "USE_TIGERBEETLE" .Values.tigerbeetle.enabled
  "TIGERBEETLE_CLUSTER_ID" .Values.tigerbeetle.clusterId
  "TIGERBEETLE_REPLICA_ADDRESSES" .Values.tigerbeetle.addresses
)) }}
{{- range $name := list "DATABASE_URL" "REDIS_URL" "ADMIN_API_SECRET" "STREAM_SECRET" "SIGNATURE_SECRET" }}
{{ include "rafiki.secret" (dict "name" $name "Values" $.Values) }}
{{- end }}
{{- end }}

{{- define "rafiki.environment.auth" -}}
{{- include "rafiki.settings" (merge (dict) .Values.auth.env (dict
  "NODE_ENV" "production"
  "HOST" "0.0.0.0"
  "AUTH_PORT" "3006"
  "GRPC_PORT" "3106"
  "ENABLE_MANUAL_MIGRATIONS" "true"
  "AUTH_SERVER_URL" .Values.node.publicUrl
  "IDENTITY_SERVER_URL" .Values.node.identityServerUrl
  "OPERATOR_TENANT_ID" .Values.node.operatorTenantId
)) }}
{{- range $name := list "AUTH_DATABASE_URL" "REDIS_URL" "ADMIN_API_SECRET" "COOKIE_KEY" "IDENTITY_SERVER_SECRET" }}
{{ include "rafiki.secret" (dict "name" $name "Values" $.Values) }}
{{- end }}
{{- end }}

{{- define "rafiki.environment.frontend" -}}
{{- include "rafiki.settings" (merge (dict) .Values.frontend.env (dict
  "NODE_ENV" "production"
  "HOST" "0.0.0.0"
  "PORT" "3010"
  "BACKEND_GRPC_URLS" (printf "%s:3011" (include "rafiki.name" (merge (dict "component" "backend") .)))
  "AUTH_GRPC_URL" (printf "%s:3106" (include "rafiki.name" (merge (dict "component" "auth") .)))
  "OPERATOR_TENANT_ID" .Values.node.operatorTenantId
  "SESSION_COOKIE_SECURE" "true"
)) }}
{{ include "rafiki.secret" (dict "name" "SESSION_SECRET" "Values" $.Values) }}
{{- end }}
