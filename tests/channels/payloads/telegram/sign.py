"""Telegram sends the webhook's secret token with every call and signs nothing."""

COVERS_BODY = False


def sign(settings: dict[str, str], url: str, body: bytes) -> dict[str, str]:
    return {"x-telegram-bot-api-secret-token": settings["webhook_secret"]}
