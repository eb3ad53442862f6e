"""The Swagger documents from which the Neptune clients make their methods: the operations and models that they use."""

_IN_QUERY = (
    *("experimentId", "experimentIdentifier", "projectIdentifier", "organizationName", "attribute", "ext"),
    *("alpha", "limit", "organizationIdentifier", "searchTerm", "sortBy", "sortDirection", "userRelation"),
)
_IN_HEADER = ("X-Neptune-Api-Token", "X-Neptune-CliVersion")
_IN_BODY = ("experimentCreationParams", "operations")
_SEARCH = ("limit", "organizationIdentifier", "searchTerm", "sortBy", "sortDirection", "userRelation")
_OPERATIONS = {
    "backend": {
        "getClientConfig": ("get", "ClientConfig", ("X-Neptune-Api-Token", "alpha")),
        "exchangeApiToken": ("get", "Tokens", ("X-Neptune-Api-Token",)),
        "getProject": ("get", "Project", ("projectIdentifier",)),
        "listProjects": ("get", "Projects", _SEARCH),
        "listOrganizations": ("get", "Organizations", ()),
    },
    "leaderboard": {
        "createExperiment": ("post", "Experiment", ("experimentCreationParams", "X-Neptune-CliVersion")),
        "getExperiment": ("get", "Experiment", ("experimentId",)),
        "getExperimentAttributes": ("get", "Attributes", ("experimentId",)),
        "getStringAttribute": ("get", "String", ("experimentId", "attribute")),
        "executeOperations": ("post", "Errors", ("experimentId", "organizationName", "operations")),
        "fileAtomUpload": ("post", "", ("experimentIdentifier", "attribute", "ext")),
        "fileAtomMultipartUploadStart": ("post", "", ("experimentIdentifier", "attribute", "ext")),
        "fileAtomMultipartUploadPart": ("post", "", ("experimentIdentifier", "attribute")),
        "fileAtomMultipartUploadFinish": ("post", "", ("experimentIdentifier", "attribute")),
        "ping": ("put", "", ("experimentId",)),
    },
}
_MODELS = {
    "Versions": {"minRecommendedVersion": {}, "minCompatibleVersion": {}, "maxCompatibleVersion": {}},
    "ClientConfig": {"apiUrl": {}, "applicationUrl": {}, "pyLibVersions": {"$ref": "#/definitions/Versions"}},
    "Tokens": {"accessToken": {}, "refreshToken": {}},
    "Project": {"id": {}, "name": {}, "organizationName": {}, "projectKey": {}, "version": {"type": "integer"}},
    "Projects": {"entries": {"type": "array", "items": {"$ref": "#/definitions/Project"}}},
    "Organization": {"id": {}, "name": {}},
    "Experiment": {
        **{name: {} for name in ("id", "type", "shortId", "organizationName", "projectName")},
        "trashed": {"type": "boolean"},
    },
    "Attribute": {"name": {}, "type": {}},
    "Attributes": {"attributes": {"type": "array", "items": {"$ref": "#/definitions/Attribute"}}},
    "String": {"attributeName": {}, "value": {}},
    "Error": {"errorDescription": {}},
}
_LISTS = {"Organizations": "Organization", "Errors": "Error"}


def document_of(api: str) -> dict:
    """Return the document of one API; of one that is not known here, an empty one."""
    paths = {
        f"/api/{api}/v1/{operation}": {method: _operation(operation, model=model, names=names)}
        for operation, (method, model, names) in _OPERATIONS.get(api, {}).items()
    }
    models = {
        name: {"type": "object", "properties": {key: kind or {"type": "string"} for key, kind in keys.items()}}
        for name, keys in _MODELS.items()
    }
    return {"swagger": "2.0", "info": {"title": api, "version": "1"}, "paths": paths, "definitions": models}


def _operation(operation: str, *, model: str, names: tuple[str, ...]) -> dict:
    parameters = [
        {"name": name, "in": where, **({"schema": {}} if where == "body" else {"type": "string"})}
        for where, kinds in (("query", _IN_QUERY), ("header", _IN_HEADER), ("body", _IN_BODY))
        for name in names
        if name in kinds
    ]
    one = {"$ref": f"#/definitions/{_LISTS.get(model, model)}"}
    schema = {"schema": {"type": "array", "items": one} if model in _LISTS else one} if model else {}
    responses = {"200": {"description": "done", **schema}}
    return {"operationId": operation, "tags": ["api"], "parameters": parameters, "responses": responses}
