SwaggerUIBundle({
  url: "../openapi.json",
  dom_id: "#interface",
  deepLinking: true,
  validatorUrl: null, // else it asks a server of its makers
});
