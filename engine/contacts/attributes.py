"""What a contact can hold, and in which form: the built-in fields, and the custom ones."""

from __future__ import annotations

from engine.contacts.cleaning import BUILT_IN as BUILT_IN
from engine.contacts.cleaning import RESERVED as RESERVED
from engine.contacts.cleaning import TEXT_MAX as TEXT_MAX
from engine.contacts.cleaning import TYPES as TYPES
from engine.contacts.cleaning import clean_built_in as clean_built_in
from engine.contacts.cleaning import clean_country as clean_country
from engine.contacts.cleaning import clean_custom as clean_custom
from engine.contacts.cleaning import clean_email as clean_email
from engine.contacts.cleaning import clean_language as clean_language
from engine.contacts.cleaning import clean_timezone as clean_timezone
from engine.contacts.cleaning import normalise_phone as normalise_phone
from engine.contacts.cleaning import read_date as read_date
from engine.contacts.cleaning import read_number as read_number
from engine.contacts.cleaning import read_yes_no as read_yes_no
from engine.contacts.cleaning import split_name as split_name
from engine.contacts.cleaning import tidy as tidy
from engine.contacts.cleaning import unfit as unfit
from engine.contacts.converting import Conversion as Conversion
from engine.contacts.converting import change_type as change_type
from engine.contacts.converting import convertible as convertible
from engine.contacts.definitions import define as define
from engine.contacts.definitions import delete as delete
from engine.contacts.definitions import get as get
from engine.contacts.definitions import key_for as key_for
from engine.contacts.definitions import listing as listing
from engine.contacts.definitions import rename as rename
from engine.contacts.definitions import set_options as set_options
from engine.contacts.definitions import unknown as unknown
