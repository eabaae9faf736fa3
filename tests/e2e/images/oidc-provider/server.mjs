// A real OpenID Connect provider for the tests: oidc-provider with three people, one client that logs people in
// and gets tokens of its own, and a form that asks for a name and a password.
//
// ISSUER names it; REDIRECT_URIS (by commas) may be returned to; TLS_CERT and TLS_KEY make it speak https; JWKS is a
// file with the keys that it signs with, instead of those that oidc-provider brings for development.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

import Provider from 'oidc-provider';

const {
  ISSUER, REDIRECT_URIS, CLIENT_ID = 'mlflow', CLIENT_SECRET, PASSWORD, TLS_CERT, TLS_KEY, JWKS,
} = process.env;
const ADMINISTRATORS = ['mlflow', 'mlflow-admin'];
const PEOPLE = { ada: ['mlflow'], root: ADMINISTRATORS, eve: ['sales'] };

const claimsOf = (name) => ({
  sub: name, name, preferred_username: name, email: `${name}@example.com`, email_verified: true, groups: PEOPLE[name],
});

// One client logs people in; it and the others get tokens of their own, with groups by their names.
const MACHINES = { [CLIENT_ID]: ADMINISTRATORS, reader: ['mlflow'], stranger: ['sales'] };
const clients = Object.keys(MACHINES).map((client_id) => ({
  client_id,
  client_secret: CLIENT_SECRET,
  ...(client_id === CLIENT_ID
    ? { grant_types: ['authorization_code', 'client_credentials'], redirect_uris: REDIRECT_URIS.split(',') }
    : { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }),
}));

const provider = new Provider(ISSUER, {
  ...(JWKS ? { jwks: JSON.parse(readFileSync(JWKS)) } : {}),
  clients,
  claims: {
    openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'], groups: ['groups'],
  },
  conformIdTokenClaims: false, // groups stand in the ID token, as most providers do it
  cookies: { keys: [CLIENT_SECRET] },
  pkce: { required: () => false },
  findAccount: (_ctx, name) => ({ accountId: name, claims: () => claimsOf(name) }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, resource) => ({ scope: '', audience: resource, accessTokenFormat: 'jwt' }),
    },
  },
  extraTokenClaims: (_ctx, token) => (token.kind === 'ClientCredentials'
    ? { groups: MACHINES[token.clientId], email: `${token.clientId}@machines.example.com`, sub: token.clientId }
    : undefined),
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  ttl: { ClientCredentials: 600, Session: 3600, Interaction: 600, Grant: 3600, AccessToken: 600, IdToken: 3600 },
});

const FORM = `<!doctype html><title>Log in</title><form method="post">
<label>Name <input name="name" autofocus></label> <label>Password <input name="password" type="password"></label>
<button type="submit">Log in</button></form>`;

async function answer(request, response) {
  const details = await provider.interactionDetails(request, response);
  if (details.prompt.name === 'consent') {
    const grant = new provider.Grant({ accountId: details.session.accountId, clientId: details.params.client_id });
    grant.addOIDCScope(details.params.scope);
    const consent = { grantId: await grant.save() };
    await provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
    return;
  }
  if (request.method !== 'POST') {
    response.writeHead(200, { 'content-type': 'text/html' }).end(FORM);
    return;
  }
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const form = new URLSearchParams(Buffer.concat(chunks).toString());
  if (!(form.get('name') in PEOPLE) || form.get('password') !== PASSWORD) {
    response.writeHead(403, { 'content-type': 'text/html' }).end(FORM);
    return;
  }
  await provider.interactionFinished(request, response, { login: { accountId: form.get('name') } });
}

const callback = provider.callback();
const listener = (request, response) => {
  if (!request.url.startsWith('/interaction/')) return callback(request, response);
  return answer(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end(String(error));
  });
};
const server = TLS_CERT
  ? https.createServer({ cert: readFileSync(TLS_CERT), key: readFileSync(TLS_KEY) }, listener)
  : http.createServer(listener);
provider.on('server_error', (_ctx, error) => console.error(error));
provider.on('grant.error', (_ctx, error) => console.error(error.message, error.error_description));
server.listen(9000, () => console.log(`listening as ${ISSUER}`));
process.on('SIGTERM', () => process.exit(0));
