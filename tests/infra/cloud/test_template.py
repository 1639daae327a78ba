"""The template says what the product needs, and says it like the code does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from chalicelib import publish, records, settings
from chalicelib.front import api, guard
from chalicelib.report import Report
from chalicelib.storage.s3 import S3Files
from chalicelib.storage.table import Change, Key

from infra import local, package

FUNCTIONS = ("APIHandler", "Publisher", "Retention", "Photo", "EveryMinute", "Messenger", "Notifier", "Daily")
HANDBOOK = package.ROOT / "infra" / "docs" / "deploy.md"


def of_type(template: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: r["Properties"] for name, r in template["Resources"].items() if r["Type"] == kind}


def filled(text: str) -> str:
    values = {
        "AWS::StackName": "warga",
        "AWS::AccountId": "123456789012",
        "AWS::Region": "ap-southeast-3",
        "TileOrigin": "",
        "SiteDomain": "warga.example.id",
        "Officers": "ap-southeast-3_Pool",
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
    }
    return re.sub(r"\$\{([A-Za-z:]+)\}", lambda m: values[m.group(1)], text)


def test_cfn_lint_finds_nothing(packaged: Path) -> None:
    tool = [sys.executable, "-c", "import sys; from cfnlint.runner import main; sys.exit(main())"]
    for file, region in (
        (packaged / package.TEMPLATE, "ap-southeast-3"),
        (package.ROOT / "infra/edge.yaml", "us-east-1"),
    ):
        done = subprocess.run(
            [*tool, str(file), "--regions", region], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_every_resource_has_a_type_and_a_misspelled_one_is_named(template: dict[str, Any]) -> None:
    assert package.faults_of_template(template) == []
    wrong = {"Resources": {**template["Resources"], "Publischer": {"Properties": {}}}}
    assert package.faults_of_template(wrong)[0].startswith("the resource Publischer has no Type")


def test_every_function_has_memory_time_logs_and_the_runtime(template: dict[str, Any]) -> None:
    functions = of_type(template, "AWS::Serverless::Function")
    groups = of_type(template, "AWS::Logs::LogGroup")
    assert set(functions) == set(FUNCTIONS)
    for name, function in functions.items():
        assert function["LoggingConfig"] == {"LogGroup": {"Ref": f"{name}Logs"}}
        assert groups[f"{name}Logs"]["RetentionInDays"] == {"Ref": "LogDays"}
        assert function["Runtime"].startswith("python3.")
        assert 128 <= function["MemorySize"] <= 1024
        assert function["Timeout"] <= 900
    # API Gateway gives up after 29 seconds; a tidy that runs into the next one would do its work twice.
    assert functions["APIHandler"]["Timeout"] < 29
    assert functions["EveryMinute"]["Timeout"] < 60
    assert functions["EveryMinute"]["ReservedConcurrentExecutions"] == 1
    assert functions["Messenger"]["Timeout"] < 60
    assert functions["Messenger"]["ReservedConcurrentExecutions"] == 1


def test_the_functions_environment_holds_only_settings_that_exist(template: dict[str, Any]) -> None:
    given = set(template["Globals"]["Function"]["Environment"]["Variables"])
    assert given - {name for name, _, _ in settings.names()} == {"STAGE", "AWS_ENDPOINT_URL_S3"}
    assert {"ENGINE", "TABLE", "SITE_BUCKET", "PRIVATE_BUCKET"} <= given


def test_the_table_is_what_the_storage_code_needs_and_cannot_be_lost_by_accident(
    template: dict[str, Any],
) -> None:
    table = template["Resources"]["Table"]
    properties = table["Properties"]
    assert [k["AttributeName"] for k in properties["KeySchema"]] == ["partition", "sort"]
    assert properties["StreamSpecification"] == {"StreamViewType": "KEYS_ONLY"}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["SSESpecification"]["SSEEnabled"] is True
    assert properties["DeletionProtectionEnabled"] == {"Fn::If": ["IsProd", True, False]}
    assert "GlobalSecondaryIndexes" not in properties
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"


def test_both_buckets_are_closed_encrypted_versioned_and_kept(template: dict[str, Any]) -> None:
    buckets = of_type(template, "AWS::S3::Bucket")
    assert set(buckets) == {"PrivateBucket", "SiteBucket"}
    for name, bucket in buckets.items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert template["Resources"][name]["DeletionPolicy"] == "Retain"
    rules = {rule["Id"]: rule for rule in buckets["PrivateBucket"]["LifecycleConfiguration"]["Rules"]}
    assert rules["uploads-that-no-report-took"]["ExpirationInDays"] == 1
    assert rules["uploads-that-no-report-took"]["Prefix"] == "uploads/"


def test_stream_triggers_answer_in_part_split_batches_and_set_poison_aside(template: dict[str, Any]) -> None:
    functions = of_type(template, "AWS::Serverless::Function")
    for name in ("Publisher", "Retention"):
        (event,) = functions[name]["Events"].values()
        assert event["Type"] == "DynamoDB"
        trigger = event["Properties"]
        assert trigger["Stream"] == {"Fn::GetAtt": ["Table", "StreamArn"]}
        assert trigger["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert trigger["BisectBatchOnFunctionError"] is True
        assert trigger["StartingPosition"] == "TRIM_HORIZON"
        assert 0 < trigger["MaximumRetryAttempts"] < 100
        assert trigger["DestinationConfig"]["OnFailure"]["Type"] == "SQS"


def matches(pattern: dict[str, Any], key: Key) -> bool:
    """Lambda's event filter, as far as ours goes: equality and prefix on the two keys."""
    found = {"partition": key.partition, "sort": key.sort}
    for name, rule in pattern["dynamodb"]["Keys"].items():
        allowed = rule["S"]
        if not any(
            found[name].startswith(a["prefix"]) if isinstance(a, dict) else found[name] == a for a in allowed
        ):
            return False
    return True


def test_the_publishers_filter_lets_through_all_that_changes_the_site_and_not_its_own_marks(
    template: dict[str, Any],
) -> None:
    functions = of_type(template, "AWS::Serverless::Function")

    def passes(name: str, key: Key) -> bool:
        (event,) = functions[name]["Events"].values()
        filters = event["Properties"]["FilterCriteria"]["Filters"]
        return any(matches(json.loads(each["Pattern"]), key) for each in filters)

    report = Report(
        "7K3M9QX2", "2026-01-01T00:00:00.000Z", "", "jalan", "waiting", "", "web", "id", False, "", 1, ""
    )
    head, row = records.head_key(report.id), Key("list#public#open#31.71.01.1001", "2026-01-01#7K3M9QX2")
    others = [
        records.contact_key(report.id),
        records.dirty_key("city", "1"),
        Key("counts", "31.71.01.1001"),
        records.idempotency_key("0" * 64),
        Key("list#private#open#31.71.01.1001", "x"),
    ]
    for key in (head, row, records.event_key(report.id, 1), *others):
        touched = publish.targets([Change(key, "insert", "1")]) != publish.Targets()
        # Nothing that changes the site may be filtered out; of the rest, events are let through and cost little.
        assert passes("Publisher", key) >= touched
    assert not any(passes("Publisher", key) for key in others)
    # Time limits hang on heads; followers are told of events, and reporters of contacts that they left.
    heard = {head, records.event_key(report.id, 1), records.contact_key(report.id)}
    assert {key for key in (row, *heard, *others) if passes("Retention", key)} == heard


def test_pages_get_the_same_security_headers_as_from_the_local_server(
    template: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = template["Resources"]["SecurityHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    sent = config["SecurityHeadersConfig"]
    policy = filled(sent["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"])

    def directives(text: str) -> dict[str, list[str]]:
        return {words[0]: words[1:] for words in (part.split() for part in text.split(";")) if words}

    deployed, here = directives(policy), directives(local.security_headers()["Content-Security-Policy"])
    uploads = deployed.pop("connect-src")
    here.pop("connect-src", None)
    assert deployed == here
    assert "unsafe-inline" not in policy
    assert sent["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31_536_000
    assert sent["ReferrerPolicy"]["ReferrerPolicy"] == local.security_headers()["Referrer-Policy"]
    custom = {item["Header"]: item["Value"] for item in config["CustomHeadersConfig"]["Items"]}
    assert custom["Permissions-Policy"] == local.security_headers()["Permissions-Policy"]
    # The browser may send photos to exactly the address that uploads are signed for.
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", filled(variables["AWS_ENDPOINT_URL_S3"]["Fn::Sub"]))
    files = S3Files("warga-private-123456789012", region="ap-southeast-3")
    upload = files.presign_upload("uploads/a", max_bytes=10, content_types=("image/jpeg",), expires_s=60)
    assert upload.url in uploads


def test_only_embedded_pages_may_stand_in_frames_with_the_local_servers_headers(
    template: dict[str, Any],
) -> None:
    def sent(name: str) -> dict[str, Any]:
        config = template["Resources"][name]["Properties"]["ResponseHeadersPolicyConfig"]
        found: dict[str, Any] = config["SecurityHeadersConfig"]
        return found

    def words(policy: str) -> set[str]:
        return {" ".join(part.split()) for part in policy.split(";") if part.strip()}

    here = local.framed(local.security_headers())["Content-Security-Policy"]
    deployed = filled(sent("EmbeddedHeaders")["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"])
    assert words(deployed) == words(here)
    assert "frame-ancestors *" in words(here)
    assert "FrameOptions" not in sent("EmbeddedHeaders")
    assert sent("SecurityHeaders")["FrameOptions"]["FrameOption"] == "DENY"
    config = template["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    used = {each["PathPattern"]: each["ResponseHeadersPolicyId"]["Ref"] for each in config["CacheBehaviors"]}
    assert {path for path, name in used.items() if name == "EmbeddedHeaders"} == {
        f"/{beginning}*" for beginning in local.EMBEDDED
    }
    assert config["DefaultCacheBehavior"]["ResponseHeadersPolicyId"] == {"Ref": "SecurityHeaders"}


def test_api_and_site_share_one_domain_and_only_the_site_is_cached(template: dict[str, Any]) -> None:
    config = template["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    assert config["DefaultCacheBehavior"]["CachePolicyId"] == {"Ref": "SiteCache"}
    assert [b["PathPattern"] for b in config["CacheBehaviors"]] == [
        "/api/*",
        "/open311/*",
        "/sematan/*",
        "/en/sematan/*",
    ]
    for behaviour in config["CacheBehaviors"][:2]:
        assert behaviour["TargetOriginId"] == "api"
        assert behaviour["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
        assert "POST" in behaviour["AllowedMethods"]
    origins = {origin["Id"]: origin for origin in config["Origins"]}
    stage = template["Resources"]["RestAPI"]["Properties"]["StageName"]
    assert origins["api"]["OriginPath"] == f"/{stage}"
    served = {op.path.split("/")[1] for op in api.OPERATIONS}
    assert served <= {b["PathPattern"].split("/")[1] for b in config["CacheBehaviors"]}


def test_a_page_that_is_not_there_is_a_404_with_a_page_and_the_apis_own_errors_are_left_alone(
    template: dict[str, Any],
) -> None:
    config = template["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    # These would replace the API's answers too: its 403 and 404 are JSON that clients read.
    assert "CustomErrorResponses" not in config
    (group,) = config["OriginGroups"]["Items"]
    assert config["DefaultCacheBehavior"]["TargetOriginId"] == group["Id"]
    assert [member["OriginId"] for member in group["Members"]["Items"]] == ["site", "api"]
    assert set(group["FailoverCriteria"]["StatusCodes"]["Items"]) == {403, 404}
    unknown = template["Resources"]["RestAPI"]["Properties"]["GatewayResponses"][
        "MISSING_AUTHENTICATION_TOKEN"
    ]
    assert unknown["StatusCode"] == "404"
    assert "/404.html" in unknown["ResponseTemplates"]["application/json"]
    assert "text/html" in unknown["ResponseParameters"]["Headers"]["Content-Type"]
    # The failover asks the API for paths of the site: none of its own may be among them.
    assert all(operation.path.startswith(("/api/", "/open311/")) for operation in api.OPERATIONS)


PATHS = (
    "/",
    "/en",
    "/en/",
    "/lapor",
    "/lapor/",
    "/laporan/7K3M9QX2/",
    "/laporan/7k3m-9qx2",
    "/laporan/7k3m-9qx2/",
    "/en/laporan/7k3m-9qx2",
    "/laporan/7K3M9QX2",
    "/laporan/oiloilo1/",
    "/laporan/UUUUUUUU/",
    "/laporan/short",
    "/laporan/7K3M9QX2.json",
    "/kelurahan/31.71.01.1001/feed.xml",
    "/kelurahan/31.71.01.1001",
    "/aset/site-1.css",
    "/data/batas.json",
    "/laporan/7k3m%209qx2/",
    "/favicon.ico",
    "//",
    "/rekap/2026-11",
    "/laporan/%ff/",
    "/nöwhere",
)


def test_the_cdn_sends_people_where_the_local_server_sends_them(
    template: dict[str, Any], tmp_path: Path, node: str
) -> None:
    from urllib.parse import quote, unquote

    code = template["Resources"]["SiteAddresses"]["Properties"]["FunctionCode"]
    uris = [quote(path, safe="/%") for path in PATHS]
    script = tmp_path / "run.js"
    script.write_text(
        f"{code}\nconsole.log(JSON.stringify({json.dumps(uris)}.map(u => handler({{request: {{uri: u}}}}))))"
    )
    done = subprocess.run([node, str(script)], capture_output=True, text=True, check=True)
    for path, uri, answer in zip(PATHS, uris, json.loads(done.stdout), strict=True):
        moved = local.canonical(unquote(uri, errors="replace")) if "%ff" not in path else None
        if "%ff" in path:
            assert "uri" in answer or answer["statusCode"] == 301  # no crash on what is no UTF-8
        elif moved:
            assert (answer["statusCode"], unquote(answer["headers"]["location"]["value"])) == (301, moved), (
                path
            )
        else:
            assert answer["uri"] == (f"{uri}index.html" if uri.endswith("/") else uri), path


def test_the_api_learns_who_asks_from_the_cdn_and_not_from_the_client(
    template: dict[str, Any], tmp_path: Path, node: str
) -> None:
    code = template["Resources"]["ApiViewer"]["Properties"]["FunctionCode"]
    asked = {
        "viewer": {"ip": "203.0.113.9"},
        "request": {"headers": {"x-viewer-address": {"value": "198.51.100.1"}}},
    }
    script = tmp_path / "run.js"
    script.write_text(f"{code}\nconsole.log(JSON.stringify(handler({json.dumps(asked)})))")
    done = subprocess.run([node, str(script)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["headers"]["x-viewer-address"]["value"] == "203.0.113.9"


def test_every_function_has_an_alarm_and_every_alarm_is_told_and_explained(template: dict[str, Any]) -> None:
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    watched = {
        d["Value"].get("Ref") for a in alarms.values() for d in a["Dimensions"] if a["MetricName"] == "Errors"
    }
    assert watched == set(FUNCTIONS)
    assert {
        "IteratorAge",
        "ApproximateNumberOfMessagesVisible",
        "Throttles",
        "WriteThrottleEvents",
        "Tidied",
    } <= {a["MetricName"] for a in alarms.values()}
    handbook = HANDBOOK.read_text("utf-8")
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == [{"Ref": "Alarms"}], name
        section = re.search(r'handbook, "([^"]+)"', alarm["AlarmDescription"])
        assert section, f"{name} does not say what to read"
        assert f"### {section.group(1)}\n" in handbook, f"{name}: the handbook lacks {section.group(1)!r}"


def test_metrics_that_alarms_and_dashboard_read_are_written_somewhere(template: dict[str, Any]) -> None:
    written = set(
        re.findall(r'logs\.metric\("(\w+)"', (package.ROOT / "functions/chalicelib/triggers.py").read_text())
    )
    read = {
        a["MetricName"]
        for a in of_type(template, "AWS::CloudWatch::Alarm").values()
        if a["Namespace"] == "CCTVWarga"
    }
    board = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    json.loads(board)
    drawn = set(re.findall(r'\["CCTVWarga", "(\w+)"', board))
    assert read | drawn <= written


def test_a_domain_without_its_certificate_is_refused(template: dict[str, Any]) -> None:
    rule = template["Rules"]["DomainNeedsCertificate"]
    assert rule["Assertions"][0]["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "CertificateArn"}, ""]}]}


def test_officers_are_invited_and_sign_in_with_code_and_pkce_alone(template: dict[str, Any]) -> None:
    resources = template["Resources"]
    pool = resources["Officers"]["Properties"]
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    client = resources["OfficersClient"]["Properties"]
    assert client["GenerateSecret"] is False
    assert (client["AllowedOAuthFlows"], client["AllowedOAuthScopes"]) == (["code"], ["openid"])
    # What an officer may do is a record of ours: nothing that they could write at the provider counts.
    assert "Schema" not in pool
    assert client["WriteAttributes"] == ["email"]
    # A token is over within minutes, a session within a working day.
    assert client["TokenValidityUnits"] == {"AccessToken": "minutes", "RefreshToken": "hours"}
    assert (client["AccessTokenValidity"], client["RefreshTokenValidity"]) == (10, 8)
    returns = [filled(each["Fn::If"][1]["Fn::Sub"]) for each in client["CallbackURLs"]]
    assert client["LogoutURLs"] == client["CallbackURLs"]
    assert returns == ["https://warga.example.id/petugas/", "https://warga.example.id/en/petugas/"]


def test_the_desk_knows_its_provider_and_may_ask_it_and_nobody_else(template: dict[str, Any]) -> None:
    resources = template["Resources"]
    variables = resources["APIHandler"]["Properties"]["Environment"]["Variables"]
    condition, issuer, otherwise = variables["OIDC_ISSUER"]["Fn::If"]
    assert (condition, otherwise) == ("HasDesk", "")
    assert filled(issuer["Fn::Sub"]) == "https://cognito-idp.ap-southeast-3.amazonaws.com/ap-southeast-3_Pool"
    assert variables["OIDC_CLIENT"]["Fn::If"][1] == {"Ref": "OfficersClient"}
    config = resources["SecurityHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    policy = filled(
        config["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"]
    )
    asked = next(part for part in policy.split(";") if part.split()[0] == "connect-src").split()
    domain = filled(resources["OfficersDomain"]["Properties"]["Domain"]["Fn::Sub"])
    assert f"https://{domain}.auth.ap-southeast-3.amazoncognito.com" in asked
    assert len(asked) == 4
    # Its sign-in page is gone to, not sent a form.
    assert "form-action 'self';" in policy


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_both_stages_can_be_packaged(name: str) -> None:
    config = json.loads((package.ROOT / "functions/.chalice/config.json").read_text("utf-8"))
    assert name in config["stages"]
    assert config["lambda_architecture"] in package.PLATFORMS
    assert os.path.isdir(package.ROOT / "functions")  # noqa: PTH112


def test_every_setting_of_a_deployment_is_a_parameter_or_follows_from_the_stack(
    template: dict[str, Any],
) -> None:
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    api_only = template["Resources"]["APIHandler"]["Properties"]["Environment"]["Variables"]
    given = set(shared) | set(api_only)
    here_only = {
        "AGENCIES": "a file: part of the bundle, like CATEGORIES",
        "AWS_ENDPOINT": "only for stand-ins",
        "CATEGORIES": "a file: part of the bundle",
        "DATA_DIR": "one machine",
        "DEMO": "one machine",
        "DIGEST_HOUR": "the default fits",
        "FETCH_PRIVATE": "never deployed",
        "LIMIT_DEVICE": "the default fits",
        "LIMIT_HARD": "the default fits",
        "LIMIT_MINUTES": "the default fits",
        "MAX_BODY_BYTES": "API Gateway decides",
        "MAX_PHOTO_BYTES": "the default fits",
        "OUTSIDE_TEXT": "the default fits",
        "OUTSIDE_URL": "the default fits",
        "PAGE_WAIT_MS": "the default fits",
        "PATIENCE_S": "one machine",
        "PORT": "one machine",
        "PUBLISH_INTERVAL_MS": "one machine",
        "PUSH_HOSTS": "the default fits",
        "PUZZLE_BITS": "the default fits",
        "PUZZLE_WAIT_S": "the default fits",
        "QUIET_FROM": "the default fits",
        "QUIET_UNTIL": "the default fits",
        "SMTP_HOST": "SES sends",
        "SMTP_PASSWORD": "SES sends",
        "SMTP_PORT": "SES sends",
        "SMTP_TLS": "SES sends",
        "SMTP_USER": "SES sends",
        "TIDY_INTERVAL_MS": "one machine",
        "TRUSTED_PROXY": "one machine",
        "UPLOAD_SECRET": "one machine",
    }
    known = {name for name, _, _ in settings.names()}
    assert known - given == set(here_only), "say how a deployment sets it, or why it does not"
    used = set(re.findall(r'"Ref": "(\w+)"|\$\{(\w+)\}', json.dumps(template)))
    named = {name for pair in used for name in pair if name}
    conditions = json.dumps(template["Conditions"])
    for parameter in template["Parameters"]:
        assert parameter in named or parameter in conditions, f"nothing uses the parameter {parameter}"


def test_only_the_cdn_can_say_who_asks_and_its_token_is_nobodys_to_guess(template: dict[str, Any]) -> None:
    config = template["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    (origin,) = [each for each in config["Origins"] if each["Id"] == "api"]
    (header,) = origin["OriginCustomHeaders"]
    assert header["HeaderName"] == guard.CDN
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    assert header["HeaderValue"] == shared["CDN_TOKEN"]
    own = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    assert shared["CDN_TOKEN"] == {"Fn::If": ["HasCdnToken", {"Ref": "CdnToken"}, own]}
    assert template["Parameters"]["CdnToken"]["NoEcho"] is True
    code = template["Resources"]["ApiViewer"]["Properties"]["FunctionCode"]
    assert f"'{guard.VIEWER}'" in code
    assert "CdnToken" not in json.dumps(template["Outputs"])


def test_the_stack_in_us_east_1_has_the_rate_rule_the_certificate_and_the_budget() -> None:
    edge = package.read_template(package.ROOT / "infra" / "edge.yaml")
    resources = edge["Resources"]
    rule = resources["WebAcl"]["Properties"]["Rules"][0]
    assert rule["Action"]["Block"]["CustomResponse"]["ResponseCode"] == 429
    statement = rule["Statement"]["RateBasedStatement"]
    assert statement["AggregateKeyType"] == "IP"
    assert statement["Limit"] == {"Ref": "RequestsPerFiveMinutes"}
    assert resources["WebAcl"]["Properties"]["Scope"] == "CLOUDFRONT"
    assert resources["Certificate"]["Properties"]["ValidationMethod"] == "DNS"
    budget = resources["Budget"]["Properties"]["Budget"]
    assert (budget["TimeUnit"], budget["BudgetLimit"]["Amount"]) == ("MONTHLY", {"Ref": "MonthlyBudgetUSD"})
    for name, condition in (("WebAcl", "HasRule"), ("Certificate", "HasDomain")):
        assert resources[name]["Condition"] == condition


def test_the_cdn_serves_pieces_of_files_and_one_domain_needs_no_cors(template: dict[str, Any]) -> None:
    """A basemap is read in ranges from the site's own domain: CloudFront passes them on unless a policy forbids it."""
    config = template["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    behaviour = config["DefaultCacheBehavior"]
    # Methods are GET and HEAD by default; a cache policy that names Range would keep each piece for itself alone.
    policy = template["Resources"]["SiteCache"]["Properties"]["CachePolicyConfig"]
    assert policy["ParametersInCacheKeyAndForwardedToOrigin"]["HeadersConfig"] == {"HeaderBehavior": "none"}
    assert "AllowedMethods" not in behaviour
    assert (
        "CorsConfig"
        not in template["Resources"]["SecurityHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    )
    site = template["Resources"]["SecurityHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    assert "connect-src 'self'" in json.dumps(site)


def test_caching_compression_and_encryption_are_as_designed(template: dict[str, Any]) -> None:
    config = template["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    assert config["DefaultCacheBehavior"]["Compress"] is True
    assert config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "redirect-to-https"
    cache = template["Resources"]["SiteCache"]["Properties"]["CachePolicyConfig"]
    assert (cache["MinTTL"], cache["MaxTTL"]) == (0, 31_536_000)
    inside = cache["ParametersInCacheKeyAndForwardedToOrigin"]
    assert inside["EnableAcceptEncodingGzip"] is inside["EnableAcceptEncodingBrotli"] is True
    assert config["ViewerCertificate"]["Fn::If"][1]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    access = template["Resources"]["SiteAccess"]["Properties"]["OriginAccessControlConfig"]
    assert (access["SigningBehavior"], access["SigningProtocol"]) == ("always", "sigv4")
    alarms = of_type(template, "AWS::SNS::Topic")
    assert set(alarms) == {"Alarms"}
    for queue in of_type(template, "AWS::SQS::Queue").values():
        assert queue["SqsManagedSseEnabled"] is True


def test_preflight_requests_are_answered_where_other_sites_may_read(template: dict[str, Any]) -> None:
    paths = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    shared = {path for path, methods in paths.items() if "options" in methods}
    assert "/api/reports/{report_id}" in shared
    assert not any(path.startswith("/api/staff") for path in shared)
    for path in shared:
        told = paths[path]["options"]["x-amazon-apigateway-integration"]["responses"]["default"][
            "responseParameters"
        ]
        assert told["method.response.header.Access-Control-Allow-Origin"] == "'*'"
        assert "method.response.header.Access-Control-Allow-Credentials" not in told
